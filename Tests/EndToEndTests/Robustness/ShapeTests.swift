import Fixtures
import Testing

extension Robustness {
    /// Sound files of unusual shape: size, orientation, streams, structure.
    @Suite struct Shapes {
        /// `$src` is a test pattern of 64×48 at 25 frames a second.
        static let sizes = [
            MediaRecipe("one frame", .frames(1), "$src -frames:v 1 -c:v libx264 one.mp4"),
            MediaRecipe(
                "one frame, transport stream", .frames(1),
                "$src -s 640x480 -frames:v 1 -c:v mpeg2video -q:v 1 one.ts"),
            MediaRecipe("one frame, B-frames", .frames(1), "$src -frames:v 1 -c:v libx264 -bf 3 one.mkv"),
            MediaRecipe(
                "one pixel", .frames(2), "$src -vf scale=1:1 -frames:v 2 -c:v ffv1 p.mkv"),
            MediaRecipe(
                "two pixels", .frames(2), "$src -vf scale=2:1 -frames:v 2 -c:v ffv1 p.mkv"),
            MediaRecipe(
                "two pixels high", .frames(2), "$src -vf scale=1:2 -frames:v 2 -c:v png p.mov"),
            MediaRecipe("2x2", .frames(3), "-f lavfi -i color=red:size=2x2 -frames:v 3 -c:v libx264 p.mp4"),
            MediaRecipe(
                "16,384 wide", .frames(2),
                "-f lavfi -i testsrc2=size=16384x16 -frames:v 2 -pix_fmt yuv420p -c:v ffv1 w.mkv",
                with: "--resolution 4"),
            MediaRecipe(
                "16,384 wide JPEG", .frames(1),
                "-f lavfi -i testsrc2=size=16384x16 -frames:v 1 -update 1 w.jpg",
                with: "--resolution 4"),
            MediaRecipe(
                "16,384 high", .frames(2),
                "-f lavfi -i testsrc2=size=16x16384 -frames:v 2 -c:v mjpeg -pix_fmt yuvj444p h.mov",
                with: "--resolution 4"),
            MediaRecipe(
                "odd 4:4:4", .frames(3), "-f lavfi -i testsrc2=size=63x47 -frames:v 3 -pix_fmt yuv444p o.mp4"),
            MediaRecipe(
                "odd VP9", .frames(3), "-f lavfi -i testsrc2=size=63x47 -frames:v 3 -c:v libvpx-vp9 o.webm"),
            MediaRecipe(
                "odd MPEG-4", .frames(3), "-f lavfi -i testsrc2=size=63x47 -frames:v 3 -c:v mpeg4 o.avi"),
            MediaRecipe(
                "odd 4:1:0", .frames(3),
                "-f lavfi -i testsrc2=size=61x45 -frames:v 3 -c:v ffv1 -pix_fmt yuv410p o.mkv"),
        ]

        static let orientations =
            [90, 180, 270, 45].map { angle in
                MediaRecipe(
                    "rotated by \(angle)", .frames(3),
                    "$src -frames:v 3 -c:v libx264 -metadata:s:v rotate=\(angle) r.mp4")
            }
            + ["4/3", "1/4", "32/27", "1000/1", "1/1000"].map { aspect in
                MediaRecipe(
                    "pixels \(aspect)", .frames(3), "$src -vf setsar=\(aspect) -frames:v 3 -c:v ffv1 a.mkv")
            } + [
                MediaRecipe(
                    "interlaced MPEG-2", .frames(4),
                    "$src -frames:v 4 -c:v mpeg2video -flags +ildct+ilme -top 1 i.ts"),
                MediaRecipe(
                    "interlaced H.264", .frames(4),
                    "$src -vf setfield=tff -frames:v 4 -c:v libx264 -x264-params tff=1 i.mp4"),
                MediaRecipe(
                    "interlaced, one frame", .frames(1),
                    "$src -vf setfield=bff -frames:v 1 -c:v libx264 -x264-params bff=1 i.mkv"),
                MediaRecipe("interlaced DV", .frames(3), "$src -s 720x576 -pix_fmt yuv420p -frames:v 3 i.dv"),
                MediaRecipe(
                    "interlaced 4x4", .frames(3),
                    "-f lavfi -i testsrc2=size=4x4 -vf setfield=tff -frames:v 3 -c:v ffv1 -field_order tt i.mkv"
                ),
            ]

        static let streams =
            [
                MediaRecipe("no video stream 3", .refused, Self.manyStreams, with: "--video-stream 3"),
                MediaRecipe("first of three videos", .frames(5), Self.manyStreams, with: "--video-stream 0"),
                MediaRecipe("second of three videos", .frames(7), Self.manyStreams, with: "--video-stream 1"),
                MediaRecipe("third of three videos", .frames(9), Self.manyStreams, with: "--video-stream 2"),
                MediaRecipe(
                    "two programs", .frames(6),
                    "$src $src -map 0 -map 1 -frames:v 6 -c:v mpeg2video -program st=0 -program st=1 m.ts"),
                MediaRecipe(
                    "live Matroska", .frames(6), "$src -frames:v 6 -c:v libx264 -f matroska -live 1 l.mkv"),
                MediaRecipe("live WebM", .frames(6), "$src -frames:v 6 -c:v libvpx -live 1 l.webm"),
                MediaRecipe(
                    "FLV without duration", .frames(6),
                    "$src -frames:v 6 -c:v flv -flvflags no_duration_filesize l.flv"),
                MediaRecipe(
                    "fragments", .frames(6),
                    "$src -frames:v 6 -c:v libx264 -g 2 -movflags frag_keyframe+empty_moov f.mp4"),
                MediaRecipe("raw H.264", .frames(6), "$src -frames:v 6 -c:v libx264 -bf 2 r.h264"),
                MediaRecipe("raw HEVC", .frames(6), "$src -frames:v 6 -c:v libx265 r.hevc"),
                MediaRecipe("raw MPEG-4", .frames(6), "$src -frames:v 6 -c:v mpeg4 r.m4v"),
                MediaRecipe(
                    "size changes, transport stream", .damaged(count: 6, orJust: nil),
                    "$src -frames:v 3 -c:v mpeg2video -f mpegts a.ts",
                    "$src -s 96x64 -frames:v 3 -c:v mpeg2video -f mpegts b.ts", "cat a.ts b.ts c.ts"),
                MediaRecipe(
                    "size changes, JPEG", .frames(4), "$src -frames:v 2 a.mjpeg",
                    "$src -s 96x64 -frames:v 2 b.mjpeg", "cat a.mjpeg b.mjpeg c.mjpeg"),
                MediaRecipe(
                    "size changes, H.264", .frames(6), "$src -frames:v 3 -c:v libx264 a.h264",
                    "$src -s 96x64 -frames:v 3 -c:v libx264 b.h264", "cat a.h264 b.h264 c.h264"),
                MediaRecipe(
                    "pixel format changes, JPEG", .frames(4), "$src -frames:v 2 -pix_fmt yuvj420p a.mjpeg",
                    "$src -frames:v 2 -pix_fmt yuvj444p b.mjpeg", "cat a.mjpeg b.mjpeg c.mjpeg"),
                MediaRecipe(
                    "pixel format changes, H.264", .frames(6),
                    "$src -frames:v 3 -pix_fmt yuv420p -c:v libx264 a.h264",
                    "$src -frames:v 3 -pix_fmt yuv444p -c:v libx264 b.h264", "cat a.h264 b.h264 c.h264"),
                MediaRecipe(
                    "interlaced size changes", .damaged(count: 6, orJust: nil),
                    "$src -frames:v 3 -c:v mpeg2video -flags +ildct+ilme a.ts",
                    "$src -s 96x64 -frames:v 3 -c:v mpeg2video -flags +ildct+ilme b.ts", "cat a.ts b.ts c.ts"),
            ] + covers

        private static let manyStreams =
            "-f lavfi -i testsrc2=s=64x48:d=0.2 -f lavfi -i testsrc2=s=96x64:d=0.28 "
            + "-f lavfi -i testsrc2=s=32x32:d=0.36 -f lavfi -i sine=d=0.4 -f lavfi -i sine=d=0.3 "
            + "-map 0 -map 1 -map 2 -map 3 -map 4 -c:v libx264 -c:a aac m.mkv"

        private static let covers = [
            MediaRecipe(
                "alpha, ProRes", .frames(3),
                "$src -frames:v 3 -pix_fmt yuva444p10le -c:v prores_ks a.mov"),
            MediaRecipe(
                "alpha, VP9", .frames(3), "$src -frames:v 3 -pix_fmt yuva420p -c:v libvpx-vp9 a.webm"),
            MediaRecipe("alpha, PNG", .frames(1), "$src -frames:v 1 -pix_fmt rgba -update 1 a.png"),
            MediaRecipe("alpha, QuickTime", .frames(3), "$src -frames:v 3 -pix_fmt argb -c:v qtrle a.mov"),
            MediaRecipe(
                "alpha, GIF", .frames(3),
                "$src -vf format=rgba,geq=r=0:g=0:b=9:a=128*mod(N\\,2) -frames:v 3 a.gif"),
            MediaRecipe(
                "cover art beside video", .frames(4), "$src -frames:v 1 -update 1 c.png",
                "$src -frames:v 4 -c:v libx264 v.mp4",
                "-i c.png -i v.mp4 -map 0 -map 1 -c copy -disposition:v:0 attached_pic a.mp4"),
            MediaRecipe(
                "cover art alone", .refused, "$src -frames:v 1 -update 1 c.png",
                "-f lavfi -i sine=d=1 -i c.png -map 0 -map 1 -c:a aac -c:v copy -disposition:v attached_pic a.m4a"
            ),
            MediaRecipe(
                "attachment beside video", .frames(4), "$src -frames:v 1 -update 1 c.png",
                "$src -attach c.png -metadata:s:t mimetype=image/png -frames:v 4 -c:v libx264 a.mkv"),
            MediaRecipe("sound alone", .refused, "-f lavfi -i sine=d=1 a.flac"),
            MediaRecipe("subtitles only after video", .frames(4), "$src -frames:v 4 -c:v libx264 v.mkv"),
        ]

        @Test(arguments: RobustnessTable.choose(sizes, short: 5)) func size(_ recipe: MediaRecipe) throws {
            try recipe.check("media: sizes")
        }

        @Test(arguments: RobustnessTable.choose(orientations, short: 4))
        func orientation(_ recipe: MediaRecipe) throws {
            try recipe.check("media: rotated, anamorphic, interlaced")
        }

        @Test(arguments: RobustnessTable.choose(streams, short: 9)) func stream(_ recipe: MediaRecipe) throws
        {
            try recipe.check("media: streams, changes midway, alpha, cover art")
        }
    }
}
