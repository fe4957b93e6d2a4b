import Fixtures
import Foundation
import Testing

/// `vitvideo models`.
@Suite struct ModelCommandTests {
    @Test func theListSaysWhatIsThere() throws {
        let workspace = try Workspace()
        let present = try workspace.run(["models"])
        #expect(present.status == 0)
        let line = try #require(
            present.output.split(separator: "\n").first { $0.hasPrefix("dinov2_vits14 ") })
        #expect(line.contains("present") && line.contains("default"))
        let none = try workspace.run(["models", "list"], environment: ["VITVIDEO_CACHE": workspace.path])
        #expect(none.status == 0 && !none.output.contains("present"))
        #expect(none.output.hasSuffix("cache is \(workspace.path).\n"))
        let absent = try workspace.run(
            ["models", "verify"],
            environment: [
                "VITVIDEO_CACHE": workspace.path, "TORCH_HOME": workspace.path, "HF_HOME": workspace.path,
            ])
        #expect(absent.status == 69 && absent.errors.contains("'vitvideo models pull dinov2_vits14'"))
    }

    /// The published ONNX file becomes the weights that all the other tests run on.
    @Test func theDemosWeightsAreImported() throws {
        let workspace = try Workspace()
        let cache = ["VITVIDEO_CACHE": workspace.file("cache")]
        let onnx = Fixtures.media("vit_s_focus.onnx").path
        let imported = try workspace.run(
            ["models", "import", onnx, "--as", "dinov2_vits14"], environment: cache)
        #expect(imported.status == 0, "\(imported.errors)")
        let path = workspace.file("cache/dinov2_vits14.safetensors")
        #expect(try workspace.run(["models", "path"], environment: cache).output == path + "\n")
        let verified = try workspace.run(["models", "verify"], environment: cache)
        #expect(verified.status == 0)
        let hash = try #require(verified.output.split(separator: " ").last)
        #expect(try workspace.run(["models", "verify"]).output.hasSuffix(" \(hash)"))
        #expect(try workspace.contents == ["cache"])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: workspace.file("cache"))
                .filter { !$0.hasSuffix(".lock") } == ["dinov2_vits14.safetensors"])
    }

    @Test func weightsOfAnotherModelAreRefused() throws {
        let workspace = try Workspace()
        let cache = ["VITVIDEO_CACHE": workspace.path]
        let onnx = Fixtures.media("vit_s_focus.onnx").path
        let outcome = try workspace.run(
            ["models", "import", onnx, "--as", "dinov2_vitb14"], environment: cache)
        #expect(outcome.status == 65)
        #expect(outcome.errorLines.count == 1 && outcome.errors.contains(onnx))
        #expect(try workspace.contents == [])
    }
}
