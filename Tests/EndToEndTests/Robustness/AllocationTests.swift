import Checkpoints
import Fixtures
import Foundation
import Testing

extension Robustness {
    /// FFmpeg without memory, at one allocation or from one on: one line, an exit code and no output; or, where FFmpeg
    /// does without, the whole output.
    ///
    /// A sanitizer brings an allocator of its own, which comes before the one preloaded here.
    @Suite(.enabled(if: Sanitizer.active == nil, "a sanitizer has the allocator")) struct Allocations {
        static let frames = 10

        @Test(arguments: [
            ("reading", "--export out.npz"), ("writing", "-o out.mp4"), ("writing", "-o out.webm"),
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
            for number in RobustnessTable.choose((0..<40).map { 1 + $0 * total / 40 }, short: 4) {
                for failing in ["\(number)", "\(number)+"] {
                    for name in try workspace.contents where !before.contains(name) {
                        try FileManager.default.removeItem(atPath: workspace.file(name))
                    }
                    tryCase("faults: FFmpeg without memory, \(side)") {
                        let outcome = try run("FAILING_ALLOCATION", failing)
                        let names = try workspace.contents.filter { !before.contains($0) }
                        let problem =
                            try fault(outcome, names, whole)
                            ?? (names.isEmpty ? nil : workspace.incompleteOutput(frames: Self.frames))
                        return problem.map { "\(output), allocation \(failing): \($0)" }
                    }
                }
            }
        }

        private func fault(_ outcome: Program.Outcome, _ names: [String], _ whole: [String]) -> String? {
            if outcome.status == 0 { return names == whole ? nil : "success with \(names)" }
            guard [65, 66, 69, 73, 74].contains(outcome.status), outcome.errorLines.count == 1 else {
                return "exit code \(outcome.status); \(outcome.errors)"
            }
            return names.isEmpty ? nil : "an error, and \(names)"
        }
    }
}
