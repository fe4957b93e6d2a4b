import Fixtures
import Foundation
import Testing

extension Robustness {
    /// Recordings joined byte for byte, as `cat` does: all the frames, and sound that goes as far as they do.
    @Suite struct Joined {
        struct Source: Sendable, CustomTestStringConvertible {
            let ending: String
            let video: String
            let audio: String
            /// Frames of each part, at 25 a second.
            let parts: [Int]

            var testDescription: String { "\(video) and \(audio) in \(ending), parts of \(parts)" }
        }

        static let sources = [
            ("ts", "libx264", "aac"), ("ts", "libx265", "mp3"), ("ts", "mpeg2video", "mp2"),
            ("ts", "mpeg2video", "ac3"), ("m2ts", "mpeg2video", "ac3"), ("m2ts", "libx264", "aac"),
            ("vob", "mpeg2video", "mp2"), ("vob", "mpeg2video", "ac3"), ("mpg", "mpeg1video", "mp2"),
            ("mkv", "libx264", "aac"), ("mkv", "ffv1", "libmp3lame"), ("webm", "libvpx", "libopus"),
        ].flatMap { ending, video, audio in
            [[50, 50], [50, 50, 50], [75, 25], [25, 75, 30, 50]].map {
                Source(ending: ending, video: video, audio: audio, parts: $0)
            }
        }

        @Test(arguments: RobustnessTable.choose(sources, short: 4)) func parts(of source: Source) throws {
            let workspace = try Workspace()
            for (number, frames) in source.parts.enumerated() {
                try workspace.ffmpeg(
                    "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-f", "lavfi", "-i",
                    "sine=sample_rate=48000:frequency=\(400 + 100 * number)", "-t", "\(Double(frames) / 25)",
                    "-c:v", source.video, "-bf", "0", "-g", "25", "-c:a", source.audio, "-ac", "2",
                    "part\(number).\(source.ending)")
            }
            let whole = try source.parts.indices.flatMap {
                try workspace.bytes(of: "part\($0).\(source.ending)")
            }
            try workspace.write(whole, to: "in.\(source.ending)")
            for ending in ["mp4", "mkv"] {
                tryCase("media: files joined byte for byte") {
                    let outcome = try workspace.run(
                        ["in.\(source.ending)", "-o", "out.\(ending)", "--resolution", "28"] + Trial.model)
                    return try fault(outcome, "out.\(ending)", source, in: workspace)
                        .map { "\(source.testDescription) to \(ending): \($0)" }
                }
            }
        }

        private func fault(
            _ outcome: Program.Outcome, _ output: String, _ source: Source, in workspace: Workspace
        ) throws -> String? {
            guard outcome.status == 0 else { return "exit code \(outcome.status); \(outcome.errors)" }
            guard !outcome.errors.contains("damaged"),
                !outcome.errors.contains("ends early") || outcome.errors.contains("another file")
            else {
                return outcome.errors
            }
            let probe = MediaProbe(workspace.file(output))
            let times = try probe.frameTimes().compactMap { Double($0) }
            // Of joined Matroska files FFmpeg reads two, and we tell that there are more.
            let isLong = ["mkv", "webm"].contains(source.ending) && source.parts.count > 2
            if isLong != outcome.errors.contains("another file begins") { return outcome.errors }
            let wanted = source.parts.prefix(isLong ? 2 : source.parts.count).reduce(0, +)
            guard times.count == wanted else { return "\(times.count) frames of \(wanted)" }
            guard zip(times, times.dropFirst()).allSatisfy({ $1 - $0 < 0.2 && $0 < $1 }) else {
                return "frames at \(times)"
            }
            let sound = try probe.lines("packet=pts_time", stream: "a").compactMap {
                Double($0.prefix { $0 != "," })
            }
            guard let first = sound.first, let last = sound.last, let end = times.last else {
                return "no sound"
            }
            guard zip(sound, sound.dropFirst()).allSatisfy({ $1 - $0 < 0.25 && $0 < $1 }) else {
                return "sound at \(sound)"
            }
            guard abs(first - times[0]) < 0.25, abs(last - end) < 0.25 else {
                return "sound from \(first) to \(last), picture from \(times[0]) to \(end)"
            }
            return nil
        }
    }
}
