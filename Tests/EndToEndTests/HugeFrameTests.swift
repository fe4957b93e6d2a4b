import Foundation
import Testing

/// Frames that become more patches than anybody meant.
@Suite struct HugeFrameTests {
    private func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc=s=4000x4", "-frames:v", "1", "-vf", "format=rgb24,crop=4000:1:0:0",
            "strip.png")
        try workspace.ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64", "-frames:v", "1", "square.png")
        return workspace
    }

    /// Told before anything is computed, with what it takes and a resolution that is within the bound.
    @Test(arguments: ["attention", "rollout", "gradient-rollout", "features", "layers"])
    func theResolutionThatFitsIsNamed(method: String) throws {
        let workspace = try workspace()
        let arguments = ["strip.png", "--export", "out.npz", "--method", method] + MethodCommandTests.tiny
        let refused = try workspace.run(arguments + ["--resolution", "56"])
        #expect(refused.status == 64 && refused.errorLines.count == 1, "\(refused.errors)")
        let pattern =
            /a frame of 4000×1 becomes 56000×14 patches of .*, which take at least [\d.]+ GB and \d+ (s|min|h) on one core; more than 16384 patches are not begun unasked; --resolution (\d+) would fit, and --allow-huge-frames/
        let match = try #require(refused.errors.firstMatch(of: pattern), "\(refused.errors)")
        // 2 × 8000 patches of 4 pixels; 3 × 12000 would be too many.
        #expect(match.2 == "8")
        #expect(try workspace.contents == ["square.png", "strip.png"])
        guard method == "attention" else { return }
        let fitting = try workspace.run(arguments + ["--resolution", "8"])
        #expect(fitting.status == 0 && fitting.errors == "", "\(fitting.errors)")
    }

    @Test func everyModelOfAComparisonIsLookedAt() throws {
        let workspace = try workspace()
        let outcome = try workspace.run(
            [
                "square.png", "-o", "out.png", "--compare", "dinov2_vits14", "--resolution", "1796",
            ] + MethodCommandTests.tiny)
        // The other model's patches of 14 pixels are few enough.
        #expect(outcome.status == 64 && outcome.errors.contains("449×449 patches"), "\(outcome.errors)")
    }

    /// In a report such a picture is left out, so that it does not cost the others.
    @Test func aReportLeavesThePictureOut() throws {
        let workspace = try workspace()
        let arguments =
            ["probe", "strip.png", "square.png", "-o", "report", "--only", "distance", "--resolution", "56"]
            + MethodCommandTests.tiny
        let outcome = try workspace.run(arguments)
        #expect(outcome.status == 0)
        let line = try #require(outcome.errorLines.first)
        #expect(
            line.hasPrefix(
                "vitvideo: warning: left out: cannot use strip.png: a frame of 4000×1 becomes 56000×14"))
        #expect(line.contains("--resolution 8 would fit") && line.contains("--allow-huge-frames"))
        let alone = try workspace.run(
            ["probe", "strip.png", "-o", "other", "--only", "heads", "--resolution", "56"]
                + MethodCommandTests.tiny)
        #expect(alone.status == 65 && alone.errorLines.last?.contains("--resolution 8 would fit") == true)
    }

    /// The first signal ends a run within seconds, though its one frame would take hours.
    @Test(arguments: [
        "square.png --export out.npz", "square.png --export out.npz --threads 1",
        "square.png -o out.png --method rollout", "square.png -o out.png --method gradient-rollout",
        "square.png -o out.png --method layers", "square.png -o out.png --resume",
        "probe square.png -o report --only distance",
        "probe square.png -o report --only rollout --discard-ratios 0",
    ])
    func theFirstSignalIsAnsweredInsideAFrame(_ arguments: String) throws {
        let workspace = try workspace()
        let words = arguments.split(separator: " ").map(String.init)
        let program = try workspace.start(
            arguments: words.map { $0 == "out.png" && arguments.contains("--resume") ? "out.mkv" : $0 }
                + ["--resolution", "1600", "--allow-huge-frames", "--verbose"] + MethodCommandTests.tiny)
        // What comes last before the frames.
        while let line = try program.nextErrorLine(), !line.contains(", fp32"), !line.contains(", bf16") {}
        program.send(SIGTERM)
        let outcome = try program.wait()
        #expect(outcome.status == 130, "\(outcome.errors)")
        #expect(outcome.errorLines.last == "vitvideo: interrupted; nothing was finished")
        #expect(try workspace.contents == ["square.png", "strip.png"])
    }
}
