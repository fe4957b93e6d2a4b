import Fixtures
import Foundation
import NumPy
import Testing

extension Robustness {
    /// FFmpeg without memory, at one allocation or from one on: one line, an exit code and no output; or, where FFmpeg
    /// does without, an output. That may lack frames: FFmpeg's H.264 decoder drops one that it has no memory for, as
    /// damage or without a word.
    ///
    /// Where FFmpeg itself follows the null pointer or fails an assertion there is nothing for us to pass or fail: the
    /// preloaded library ends the process with a code of its own, and the case is not counted. WebM is not tried: its
    /// encoder asks for the same memory for ever.
    ///
    /// A sanitizer brings an allocator of its own, which comes before the one preloaded here.
    @Suite(.enabled(if: Sanitizer.active == nil, "a sanitizer has the allocator")) struct Allocations {
        static let frames = 10

        @Test(arguments: [
            ("reading", "--export out.npz"), ("writing", "-o out.mp4"), ("writing", "-o out.mkv"),
            ("writing", "-o out.gif"), ("writing", "-o out-%d.png"),
        ]) func fail(_ side: String, _ output: String) throws {
            let workspace = try Workspace()
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-f", "lavfi", "-i", "sine=duration=1",
                "-frames:v", String(Self.frames), "-shortest", "-c:v", "libx264", "-c:a", "aac", "in.mp4")
            let allocator = workspace.file("failing_allocator.so")
            let compiling = try Program.run(
                "clang", ["-shared", "-fPIC", "-o", allocator, Fixtures.failingAllocator])
            try #require(compiling.status == 0, "\(compiling.errors)")
            let arguments = ["in.mp4", "--resolution", "28", "--workers", "1"] + Trial.model
            let words = arguments + output.split(separator: " ").map(String.init)

            func run(_ variable: String, _ value: String) throws -> Program.Outcome {
                try workspace.run(words, environment: ["LD_PRELOAD": allocator, variable: value])
            }
            let before = try workspace.contents
            let sound = try run("COUNTED_ALLOCATIONS", workspace.file("count"))
            try #require(sound.status == 0, "\(sound.errors)")
            let whole = try workspace.contents.filter { $0.hasPrefix("out") }
            let total = try #require(Int(String(decoding: workspace.bytes(of: "count"), as: UTF8.self)))
            try #require(total > 500)
            let spread = RobustnessTable.choose((0..<40).map { 1 + $0 * total / 40 }, short: 4)
            for failing in spread.flatMap({ ["\($0)", "\($0)+"] }) + Self.closing(output, of: total) {
                for name in try workspace.contents where !before.contains(name) {
                    try FileManager.default.removeItem(atPath: workspace.file(name))
                }
                let outcome = try run("FAILING_ALLOCATION", failing)
                if outcome.status == Self.ffmpegCrashed { continue }
                tryCase("faults: FFmpeg without memory, \(side)") {
                    let names = try workspace.contents.filter { !before.contains($0) }
                    let problem =
                        outcome.status == 0
                        ? try incompleteness(of: names, whole, in: workspace)
                        : refusalFault(outcome, codes: [65, 66, 69, 73, 74], written: names)
                    return problem.map { "\(output), allocation \(failing): \($0)" }
                }
            }
        }

        /// Single allocations, close together, of those with which an MP4 ends: there its index is made.
        private static func closing(_ output: String, of total: Int) -> [String] {
            guard output.hasSuffix(".mp4") else { return [] }
            return RobustnessTable.choose(Array(total - 159...total), short: 54).map { "\($0)" }
        }

        /// As `failing_allocator.c` has it.
        private static let ffmpegCrashed: Int32 = 99

        private func incompleteness(
            of names: [String], _ whole: [String], in workspace: Workspace
        ) throws -> String? {
            guard !names.isEmpty, Set(names).isSubset(of: whole) else { return "success with \(names)" }
            if names == ["out.npz"] {
                let count = try NPZReader(workspace.file("out.npz")).array("frame").shape[0]
                return (1...Self.frames).contains(count) ? nil : "\(count) frames"
            }
            for name in names {
                let count = try MediaProbe(workspace.file(name)).frameTimes().count
                if !(1...Self.frames).contains(count) { return "\(name) has \(count) frames" }
            }
            return nil
        }
    }
}
