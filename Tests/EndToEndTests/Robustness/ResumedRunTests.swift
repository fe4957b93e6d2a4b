import Base
import Fixtures
import Foundation
import Testing

extension Robustness {
    /// Jobs with `--resume` that are killed or interrupted at random moments, several times each: the result is that
    /// of a run that was left in peace.
    @Suite struct ResumedRuns {
        private static let frames = 80

        @Test func atRandomMoments() throws {
            let workspace = try Workspace()
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25", "-f", "lavfi", "-i",
                "sine=duration=3.2", "-frames:v", String(Self.frames), "-c:v", "libx264", "-c:a", "aac",
                "in.mp4")
            let job = ResumableRun(
                workspace: workspace, input: "in.mp4", outputs: ["mp4", "npz", "csv"],
                options: ["--scale", "smooth", "--resolution", "28", "-y"])
            let start = ContinuousClock.now
            #expect(try job.finish("whole") == Self.frames)
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            for seed in RobustnessTable.choose(Array(1...40), short: 3) {
                var random = SplitMix64(seed: UInt64(seed))
                tryCase("faults: resumed runs") {
                    for _ in 0..<Int.random(in: 1...4, using: &random) {
                        let program = try workspace.start(arguments: job.arguments("out"))
                        usleep(UInt32(Double.random(in: 0...1.1, using: &random) * seconds * 1_000_000))
                        program.send([SIGKILL, SIGKILL, SIGINT, SIGTERM].randomElement(using: &random)!)
                        _ = try program.wait()
                    }
                    let kept = try min(job.keptFrames("out"), Self.frames)
                    let computed = try job.finish("out")
                    guard computed == Self.frames - kept else {
                        return "seed \(seed): \(computed) frames computed, \(kept) were kept"
                    }
                    if let difference = try job.difference("whole", "out") {
                        return "seed \(seed): \(difference)"
                    }
                    let left = try workspace.contents.filter { $0.hasPrefix(".") || $0.hasSuffix(".resume") }
                    return left.isEmpty ? nil : "seed \(seed): left \(left)"
                }
            }
        }
    }
}
