import Fixtures
import Foundation
import Testing

extension Robustness {
    /// Sound of many codecs in many containers, and slices with all of it, a part or none: the frames that were asked
    /// for, the sound that belongs to them, and never a word about a broken file.
    @Suite struct Sound {
        struct Source: Sendable, CustomTestStringConvertible {
            let ending: String
            let video: String
            let audio: String
            /// Where the sound lies in four seconds of picture.
            let seconds: Range<Double>

            /// DVDs know no other than 48 kHz, whose AC-3 frames have whole times.
            var sampleRate: Int { ending == "vob" ? 48_000 : 44_100 }

            var testDescription: String { "\(audio) in \(ending), \(seconds) s" }
        }

        static let frames = 100
        /// Noise, for Theora's encoder leaves out a frame that looks to it like the one before.
        static let picture = "testsrc2=size=64x48:rate=25,noise=alls=20:allf=t"
        static let slices = [":", "0:5", "40:50", "88:98", "10:90:7"]

        static let sources = [
            ("mp4", "libx264", "aac"), ("mp4", "mpeg4", "libmp3lame"), ("mp4", "libx264", "ac3"),
            ("mp4", "libx264", "libopus"), ("mov", "prores_ks", "pcm_s16le"), ("mov", "libx264", "alac"),
            ("mov", "mjpeg", "pcm_mulaw"), ("mkv", "libx264", "libvorbis"), ("mkv", "ffv1", "flac"),
            ("mkv", "libx265", "eac3"), ("webm", "libvpx", "libopus"), ("ts", "libx264", "aac"),
            ("ts", "mpeg2video", "mp2"), ("vob", "mpeg2video", "ac3"), ("avi", "mpeg4", "libmp3lame"),
            ("avi", "mjpeg", "adpcm_ms"), ("flv", "flv", "libmp3lame"), ("ogv", "libtheora", "libvorbis"),
            ("asf", "wmv2", "wmav2"), ("nut", "ffv1", "pcm_s24le"),
        ].flatMap { ending, video, audio in
            [0..<4, 0..<1, 3..<4].map {
                Source(ending: ending, video: video, audio: audio, seconds: $0)
            }
        }

        @Test(arguments: RobustnessTable.choose(sources, short: 6)) func slices(of source: Source) throws {
            let workspace = try Workspace()
            let input = "in.\(source.ending)"
            let length = source.seconds.upperBound - source.seconds.lowerBound
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", Self.picture, "-itsoffset", "\(source.seconds.lowerBound)", "-f",
                "lavfi",
                "-i", "sine=sample_rate=\(source.sampleRate):duration=\(length)", "-frames:v",
                "\(Self.frames)", "-c:v", source.video,
                "-c:a", source.audio, "-ac", "2", input)
            for ending in ["mp4", "mov", "mkv"] {
                for slice in RobustnessTable.choose(Self.slices, short: 2) {
                    let output = "out.\(ending)"
                    tryCase("media: sound in slices") {
                        let outcome = try workspace.run(
                            [input, "-o", output, "-y", "--frames", slice, "--resolution", "28"] + Trial.model
                        )
                        return try fault(outcome, output, slice, in: workspace)
                            .map { "\(source.testDescription), \(slice) to \(ending): \($0)" }
                    }
                }
            }
        }

        private func fault(
            _ outcome: Program.Outcome, _ output: String, _ slice: String, in workspace: Workspace
        ) throws -> String? {
            guard outcome.status == 0 else { return "exit code \(outcome.status); \(outcome.errors)" }
            // The last frame of a program stream has no time of its own.
            let complaints = outcome.errorLines.filter {
                !$0.contains("does not take") && !$0.contains("times were filled in")
            }
            guard complaints.isEmpty else { return complaints.joined(separator: "; ") }
            let parts = slice.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
            let wanted = Array(
                stride(
                    from: parts[0] ?? 0, to: parts[1] ?? Self.frames, by: parts.count > 2 ? parts[2] ?? 1 : 1)
            )
            let probe = MediaProbe(workspace.file(output))
            let times = try probe.frameTimes().compactMap { Double($0) }
            guard times.count == wanted.count else { return "\(times.count) frames of \(wanted.count)" }
            // The sound goes no further than the picture, and forward.
            let sound = try probe.lines("packet=pts_time", stream: "a").compactMap {
                Double($0.prefix { $0 != "," })
            }
            guard zip(sound, sound.dropFirst()).allSatisfy({ $0 < $1 }) else { return "sound \(sound)" }
            let end = Double(parts[1] ?? Self.frames) / 25 - Double(parts[0] ?? 0) / 25 + (times.first ?? 0)
            if let last = sound.last, last > end + 0.1 { return "sound until \(last), picture until \(end)" }
            let decoded = try Program.run(
                "ffmpeg", ["-v", "error", "-i", workspace.file(output), "-f", "null", "-"])
            return decoded.errors.isEmpty ? nil : decoded.errors
        }
    }
}
