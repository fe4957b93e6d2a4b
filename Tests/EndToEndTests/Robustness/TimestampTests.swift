import Fixtures
import Testing

extension Robustness {
    /// Clocks that are not the plain 0, 1/25, 2/25 …: whatever they say, each frame comes out once.
    @Suite struct Timestamps {
        /// A packet filter applied to ten frames without B-frames, in a container that keeps what it is given.
        private static func filtered(_ name: String, _ times: String, _ file: String = "t.nut") -> MediaRecipe
        {
            MediaRecipe(
                name, .frames(10), "$src -frames:v 10 -c:v libx264 -bf 0 -g 3 plain.mkv",
                "-i plain.mkv -c copy -copyts -avoid_negative_ts disabled -bsf:v setts=\(times) \(file)")
        }

        static let all = [
            MediaRecipe(
                "variable rate", .frames(10),
                "$src -vf settb=1/1000,setpts=N*N*7 -vsync passthrough -frames:v 10 -c:v libx264 t.mp4"),
            MediaRecipe(
                "variable rate, Matroska", .frames(10),
                "$src -vf settb=1/1000,setpts=N*40+mod(N\\,3)*9 -vsync passthrough -frames:v 10 -c:v ffv1 t.mkv"
            ),
            MediaRecipe(
                "negative, hidden by an edit list", .frames(5),
                "$src -frames:v 10 -c:v libx264 -avoid_negative_ts disabled -output_ts_offset -0.2 t.mp4"),
            MediaRecipe(
                "negative, Matroska", .frames(10),
                "$src -frames:v 10 -c:v ffv1 -avoid_negative_ts disabled -output_ts_offset -0.2 t.mkv"),
            MediaRecipe(
                "far from zero", .frames(10), "$src -frames:v 10 -c:v ffv1 -output_ts_offset 500000 t.mkv"),
            MediaRecipe(
                "wrapping transport stream", .frames(10),
                "$src -frames:v 10 -c:v mpeg2video -output_ts_offset 95443.5 t.ts"),
            MediaRecipe("missing, raw B-frames", .frames(10), "$src -frames:v 10 -c:v libx264 -bf 3 t.h264"),
            MediaRecipe("missing, AVI B-frames", .frames(10), "$src -frames:v 10 -c:v mpeg4 -bf 2 t.avi"),
            Self.filtered("all zero", "ts=0", "t.mkv"),
            Self.filtered("all equal", "ts=400", "t.mkv"),
            Self.filtered("pairs equal", "ts=floor(N/2)*80", "t.mkv"),
            Self.filtered("backwards", "ts=4000-40*N", "t.mkv"),
            Self.filtered("one step back", "ts=if(eq(N\\,5)\\,0\\,PTS)", "t.mkv"),
            Self.filtered("clock restarts", "ts=mod(N\\,5)*40", "t.mkv"),
            Self.filtered("swapped pairs", "pts=(N+1-2*mod(N\\,2))*40:dts=N*40", "t.mkv"),
            Self.filtered("a gap of a day", "ts=if(gte(N\\,5)\\,86400000+PTS\\,PTS)", "t.mkv"),
            Self.filtered("durations of zero", "duration=0", "t.mkv"),
            Self.filtered("huge, NUT", "ts=PTS+4e15"),
            MediaRecipe(
                "edit list, cut in front", .frames(35),
                "$src -frames:v 60 -c:v libx264 -bf 2 -g 25 -video_track_timescale 25 whole.mp4",
                "-ss 1 -i whole.mp4 -c copy t.mp4"),
            MediaRecipe(
                "edit list, empty in front", .frames(10), "$src -frames:v 10 -c:v libx264 whole.mp4",
                "-itsoffset 0.7 -i whole.mp4 -c copy t.mp4"),
            MediaRecipe(
                "edit list, range over its start", .frames(5),
                "$src -frames:v 60 -c:v libx264 -bf 2 -g 25 whole.mp4", "-ss 1 -i whole.mp4 -c copy t.mp4",
                with: "--frames :5"),
        ]

        @Test(arguments: RobustnessTable.choose(all, short: 8)) func eachFrameOnce(_ recipe: MediaRecipe)
            throws
        {
            try recipe.check("media: timestamps and edit lists")
        }
    }
}
