import Fixtures
import Foundation
import NumPy
import Testing

/// DINOv3 on the command line.
@Suite struct DINOv3CommandTests {
    private static let files = ["mlp.pth", "gated_transformers"]

    private static func path(_ file: String) -> String { Fixtures.golden("dinov3/\(file)").path }

    private func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1", "photo.png")
        return workspace
    }

    private func meta(_ workspace: Workspace) throws -> [String: Any] {
        let text = try #require(try NPZReader(workspace.file("a.npz")).array("meta").strings().first)
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    /// One of DINOv3's own files, and a directory of Hugging Face's in shards, each of which tells all of it.
    @Test(
        arguments: files,
        ["attention", "attention --query 1,1", "rollout", "layers", "qk", "features", "neuron --neuron 1:5"])
    func everyMethod(file: String, method: String) throws {
        let workspace = try workspace()
        let outcome = try workspace.run(
            [
                "photo.png", "-o", "out.png", "--export", "a.npz", "--resolution", "24", "--weights",
                Self.path(file), "--method",
            ] + method.split(separator: " ").map(String.init))
        #expect(outcome.status == 0 && outcome.errorLines.allSatisfy { !$0.contains("note:") })
        #expect(try workspace.size(of: "out.png") > 0)
        let meta = try meta(workspace)
        #expect(meta["family"] as? String == "dinov3" && meta["position_rule"] as? String == "none")
        #expect(meta["layer_norm_epsilon"] as? Double == 1e-5 && meta["num_heads"] as? Int == 2)
        #expect((meta["assumed"] as? [String])?.isEmpty == true)
        #expect(meta["mean"] as? [Double] == [0.485, 0.456, 0.406])
    }

    @Test func infoSaysWhatItIs() throws {
        let workspace = try workspace()
        for file in Self.files {
            let outcome = try workspace.run(["models", "info", Self.path(file)])
            #expect(outcome.status == 0 && outcome.errors == "")
            for words in ["family dinov3", "4 registers", "position rule none", "epsilon 1e-05"] {
                #expect(outcome.output.contains(words), "\(outcome.output)")
            }
        }
        // The tensors of timm's do not tell the heads of a model so narrow.
        let timm = try workspace.run(["models", "info", Self.path("mlp_timm.safetensors")])
        #expect(timm.status == 65 && timm.errorLines.count == 1 && timm.errors.contains("--num-heads"))
    }

    @Test func aPositionRuleIsANote() throws {
        let workspace = try workspace()
        let outcome = try workspace.run([
            "photo.png", "-o", "out.png", "--resolution", "24", "--position-rule", "timm", "--weights",
            Self.path("mlp.pth"),
        ])
        #expect(outcome.status == 0 && outcome.errors.contains("a position rule changes nothing"))
    }

    @Test func aReportHasNoPositions() throws {
        let workspace = try workspace()
        let outcome = try workspace.run([
            "probe", "photo.png", "-o", "report", "--resolution", "24", "--only", "heads,filters,positions",
            "--weights", Self.path("mlp.pth"),
        ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let page = String(decoding: try workspace.bytes(of: "report/index.html"), as: UTF8.self)
        #expect(page.contains("has no position embeddings"))
    }

    /// Before anything is fetched.
    @Test func pullShowsTheLicense() throws {
        let workspace = try workspace()
        let environment = ["VITVIDEO_CACHE": workspace.path, "VITVIDEO_MIRROR": "http://127.0.0.1:1"]
        let address = "https://ai.meta.com/resources/models-and-libraries/dinov3-license/"
        let outcome = try workspace.run(["models", "pull", "dinov3_vits16"], environment: environment)
        #expect(outcome.status == 69 && outcome.errorLines.count == 2)
        #expect(outcome.errorLines.first?.contains("DINOv3 License, see \(address)") == true)
        let quiet = try workspace.run(["models", "pull", "-q", "dinov3_vits16"], environment: environment)
        #expect(quiet.status == 69 && quiet.errorLines.count == 1)
        let other = try workspace.run(["models", "pull", "dinov2_vits14"], environment: environment)
        #expect(other.status == 69 && other.errorLines.count == 1)
    }

    @Test func anotherModelIsNotImported() throws {
        let workspace = try workspace()
        let outcome = try workspace.run(
            ["models", "import", Self.path("mlp.pth"), "--as", "dinov3_vits16"],
            environment: ["VITVIDEO_CACHE": workspace.file("cache")])
        #expect(outcome.status == 65 && outcome.errorLines.count == 1)
        #expect(outcome.errors.contains("cls_token is [1, 1, 24], not [1, 1, 384]"))
    }
}
