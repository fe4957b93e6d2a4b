import Base
import Fixtures
import Foundation
import NumPy
import Testing

extension Robustness {
    /// Signals at random moments: afterwards there is no output, a whole one, or a playable partial one.
    @Suite struct Signals {
        static let frames = 40

        private static func workspace() throws -> Workspace {
            let workspace = try Workspace()
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25", "-f", "lavfi", "-i",
                "sine=duration=1.6",
                "-frames:v", String(frames), "-shortest", "-c:v", "libx264", "-c:a", "aac", "in.mp4")
            return workspace
        }

        private static let arguments =
            ["in.mp4", "-y", "-o", "out.mp4", "--export", "out.npz", "--resolution", "56"] + Trial.model

        /// Seconds that a run takes here and now.
        private static func duration(in workspace: Workspace) throws -> Double {
            let start = ContinuousClock.now
            let outcome = try workspace.run(arguments)
            try #require(outcome.status == 0, "\(outcome.errors)")
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            for name in ["out.mp4", "out.npz"] {
                try FileManager.default.removeItem(atPath: workspace.file(name))
            }
            return seconds
        }

        @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func atRandomMoments(signal: Int32) throws {
            let workspace = try Self.workspace()
            let seconds = try Self.duration(in: workspace)
            for seed in RobustnessTable.choose(Array(1...67), short: 4) {
                var random = SplitMix64(seed: UInt64(seed) << 8 | UInt64(signal))
                let delay = Double.random(in: 0...1.1, using: &random) * seconds
                tryCase("faults: SIGINT, SIGTERM, SIGHUP") {
                    for name in try workspace.contents where name != "in.mp4" {
                        try FileManager.default.removeItem(atPath: workspace.file(name))
                    }
                    let program = try workspace.start(arguments: Self.arguments)
                    usleep(UInt32(delay * 1_000_000))
                    program.send(signal)
                    return try fault(try program.wait(), signal, in: workspace)
                        .map { "signal \(signal) after \(delay) s: \($0)" }
                }
            }
        }

        private func fault(
            _ outcome: Program.Outcome, _ signal: Int32, in workspace: Workspace
        ) throws -> String? {
            let names = try workspace.contents.filter { $0 != "in.mp4" }
            switch outcome.status {
            case 0:
                return names == ["out.mp4", "out.npz"]
                    ? try workspace.incompleteOutput(frames: Self.frames) : "success with \(names)"
            case 130:
                if names.isEmpty { return nil }
                guard names == ["out.partial.mp4", "out.partial.npz"] else {
                    return "interrupted with \(names)"
                }
                let count = try NPZReader(workspace.file("out.partial.npz")).array("frame").shape[0]
                guard (1...Self.frames).contains(count) else { return "\(count) frames" }
                let played = try MediaProbe(workspace.file("out.partial.mp4")).frameTimes().count
                return played == count ? nil : "\(played) frames in the video, \(count) in the export"
            case 128 + signal:
                // Before the program has begun to listen: then it has made nothing yet.
                return names.isEmpty ? nil : "ended by the signal, with \(names)"
            default: return "exit code \(outcome.status); \(outcome.errors)"
            }
        }

        /// What `nohup` and a shell's background jobs ignore from the start does nothing.
        @Test(arguments: [("HUP", SIGHUP), ("INT", SIGINT), ("TERM", SIGTERM)])
        func ignored(name: String, signal: Int32) throws {
            let workspace = try Self.workspace()
            let seconds = try Self.duration(in: workspace)
            for seed in RobustnessTable.choose(Array(1...15), short: 2) {
                var random = SplitMix64(seed: UInt64(seed) << 8 | UInt64(signal))
                let delay = Double.random(in: 0.1...0.9, using: &random) * seconds
                tryCase("faults: signals ignored from the start") {
                    let program = try Program(
                        "/bin/sh",
                        ["-c", "trap '' \(name); exec \"$0\" \"$@\"", Workspace.binary] + Self.arguments,
                        environment: Workspace.cleared, directory: workspace.path)
                    usleep(UInt32(delay * 1_000_000))
                    program.send(signal)
                    let outcome = try program.wait()
                    guard outcome.status == 0, outcome.errors.isEmpty else {
                        return "\(name) after \(delay) s: exit code \(outcome.status); \(outcome.errors)"
                    }
                    return try workspace.incompleteOutput(frames: Self.frames)
                }
            }
        }

        /// A killed run leaves nothing but hidden files, and the next run to the same outputs removes those.
        @Test func killed() throws {
            let workspace = try Self.workspace()
            let seconds = try Self.duration(in: workspace)
            for seed in RobustnessTable.choose(Array(1...40), short: 4) {
                var random = SplitMix64(seed: UInt64(seed))
                // Most of a short run is its start: every second one is killed among its frames.
                let waitsForFrames = seed % 4 < 2
                let delay = Double.random(in: 0...(waitsForFrames ? 0.2 : 1), using: &random) * seconds
                tryCase("faults: SIGKILL and the next run") {
                    let program = try workspace.start(arguments: Self.arguments + ["--progress", "json"])
                    if waitsForFrames { _ = try program.nextErrorLine() }
                    usleep(UInt32(delay * 1_000_000))
                    program.send(SIGKILL)
                    _ = try program.wait()
                    let visible = try workspace.contents.filter { !$0.hasPrefix(".") && $0 != "in.mp4" }
                    guard visible.allSatisfy({ ["out.mp4", "out.npz"].contains($0) }) else {
                        return "killed after \(delay) s: \(visible)"
                    }
                    if let fault = try workspace.incompleteOutput(frames: Self.frames) { return fault }
                    let next = try workspace.run(Self.arguments)
                    guard next.status == 0 else { return next.errors }
                    let left = try workspace.contents
                    guard left == ["in.mp4", "out.mp4", "out.npz"] else {
                        return "after the next run: \(left)"
                    }
                    return try workspace.incompleteOutput(frames: Self.frames)
                }
            }
        }
    }
}
