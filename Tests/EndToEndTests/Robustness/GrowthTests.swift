import Fixtures
import Testing

extension Robustness {
    /// One process over many frames gathers nothing.
    @Suite struct Growth {
        /// The leak sanitizer looks for memory that nothing points to any more, at the end of a run, and makes its
        /// exit code 23. What is still pointed to is for `MemoryTests` to see.
        @Test(
            .enabled(if: Sanitizer.active == .address, "the leak sanitizer is part of the address sanitizer"),
            arguments: [
                "-o out.mp4 --export out.npz", "-o out.webm --stats out.csv --plot out.svg", "-o out-%d.png",
                "-o out.gif --method rollout", "--export out.npz --method gradient-rollout --class 3",
            ])
        func nothingLeaks(_ output: String) throws {
            let workspace = try Workspace()
            let words = output.split(separator: " ").map(String.init)
            for frames in [100, 1000] {
                try workspace.ffmpeg(
                    "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-f", "lavfi", "-i",
                    "sine=duration=40", "-frames:v", String(frames), "-shortest", "-c:v", "libx264", "-c:a",
                    "aac", "in.mp4")
                tryCase("growth: leaks over 100 and 1,000 frames") {
                    let outcome = try workspace.run(
                        ["in.mp4", "-y", "--resolution", "28"] + MethodCommandTests.tiny + words)
                    return outcome.status == 0 && !outcome.errors.contains("Sanitizer")
                        ? nil : "\(output), \(frames) frames: exit code \(outcome.status); \(outcome.errors)"
                }
            }
        }
    }
}
