import Checkpoints
import Fixtures
import Foundation
import NumPy
import Testing

/// What the program says, and notes in its outputs, about weights of one's own.
@Suite struct WeightsCommandTests {
    private static let supervised = Golden.path("supervised", "weights")

    private func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1", "photo.png")
        return workspace
    }

    private func meta(_ workspace: Workspace, _ file: String = "a.npz") throws -> [String: Any] {
        let archive = try NPZReader(workspace.file(file))
        let text = try #require(try archive.array("meta").strings().first)
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private func attention(_ workspace: Workspace, _ file: String = "a.npz") throws -> [Float] {
        try NPZReader(workspace.file(file)).array("attention").floats()
    }

    @Test func whatIsAssumedIsToldAndNoted() throws {
        let workspace = try workspace()
        let command = ["photo.png", "--resolution", "32", "--weights", Self.supervised, "--num-heads", "3"]
        let assumed = try workspace.run(command + ["--export", "a.npz"])
        #expect(assumed.status == 0)
        #expect(assumed.errorLines.count == 1)
        for word in ["note: supervised.weights.safetensors:", "mean 0.485", "--mean", "--std", "--family"] {
            #expect(assumed.errors.contains(word), "\(assumed.errors)")
        }
        let meta = try meta(workspace)
        #expect(meta["family"] as? String == "dino" && meta["num_heads"] as? Int == 3)
        #expect(meta["mean"] as? [Double] == [0.485, 0.456, 0.406])
        #expect(meta["std"] as? [Double] == [0.229, 0.224, 0.225])
        #expect(meta["position_rule"] as? String == "hub" && meta["activation"] as? String == "gelu")
        #expect(meta["layer_norm_epsilon"] as? Double == 1e-6 && meta["precision"] as? String == "fp32")
        #expect(meta["tensor_prefix"] as? String == "")
        #expect((meta["assumed"] as? [String])?.contains("mean") == true)

        #expect(try workspace.run(command + ["--export", "q.npz", "--quiet"]).errors == "")
        let told = try workspace.run(command + ["--export", "b.npz", "--family", "vit"])
        #expect(told.status == 0 && told.errors == "")
        let numbers = try workspace.run(
            command + [
                "--export", "c.npz", "--mean", "0.5", "--std", "0.5", "--family", "dino", "--position-rule",
                "timm", "--verbose",
            ])
        #expect(numbers.status == 0 && numbers.errors.contains("mean 0.5 (option)"))
        #expect(try attention(workspace, "b.npz") == attention(workspace, "c.npz"))
        #expect(try attention(workspace, "b.npz") != attention(workspace, "a.npz"))
    }

    @Test func filesBesideTheWeightsCount() throws {
        let workspace = try workspace()
        try FileManager.default.copyItem(
            atPath: Self.supervised, toPath: workspace.file("model.safetensors"))
        let words = try workspace.run([
            "photo.png", "--export", "a.npz", "--resolution", "32", "--weights", Self.supervised,
            "--num-heads", "3", "--family", "vit",
        ])
        #expect(words.status == 0)
        try workspace.write(
            #"{"num_attention_heads": 3, "mean": 0.5, "std": 0.5, "architecture": "x", "num_features": 36}"#
                .utf8, to: "config.json")
        let outcome = try workspace.run([
            "photo.png", "--export", "b.npz", "--resolution", "32", "--weights", "model.safetensors",
        ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try attention(workspace, "a.npz") == attention(workspace, "b.npz"))
    }

    // MARK: Values that are no numbers

    /// The supervised model with one value changed in a tensor, or all of them multiplied.
    private func write(
        _ file: String, tensor: String, value: Float? = nil, factor: Float = 1, in workspace: Workspace
    ) throws {
        let source = try Checkpoint.open(Self.supervised)
        try Safetensors.write(
            try source.names.map { name in
                var values = try source.floats(name)
                if name == tensor {
                    values = values.map { $0 * factor }
                    if let value { values[values.count / 2] = value }
                }
                return (name, try #require(source[name]).shape, values)
            }, to: workspace.file(file))
    }

    private static let methods = [
        "attention", "rollout", "layers", "qk", "features", "gradient-rollout --class 1",
    ]

    @Test(arguments: methods, ["nan", "inf"]) func aWeightThatIsNoNumberIsNamed(
        method: String, value: String
    ) throws {
        let workspace = try workspace()
        for tensor in ["blocks.1.mlp.fc1.weight", "patch_embed.proj.bias", "pos_embed"] {
            try write("w.safetensors", tensor: tensor, value: Float(value), in: workspace)
            let outcome = try workspace.run(
                [
                    "photo.png", "-o", "out.png", "--resolution", "32", "--weights", "w.safetensors",
                    "--num-heads", "3", "--quiet", "--method",
                ] + method.split(separator: " ").map(String.init))
            #expect(outcome.status == 65, "\(outcome.errors)")
            #expect(outcome.errorLines.count == 1 && outcome.errors.contains("'\(tensor)'"))
            #expect(outcome.errors.contains("w.safetensors") && outcome.errors.contains(value))
            #expect(try workspace.size(of: "out.png") == 0)
        }
    }

    /// Finite weights whose products are not: nothing is drawn, the frame and the place are told.
    @Test(arguments: methods, [("blocks.0.mlp.fc2.weight", Float(3e38)), ("blocks.2.attn.qkv.weight", 1e36)])
    func aFrameWithoutNumbersIsTold(method: String, scaled: (tensor: String, factor: Float)) throws {
        // Queries and keys are numbers still; only their products are none.
        if method == "qk", scaled.tensor.contains("qkv") { return }
        let workspace = try workspace()
        try write("w.safetensors", tensor: scaled.tensor, factor: scaled.factor, in: workspace)
        let outcome = try workspace.run(
            [
                "photo.png", "-o", "out.png", "--resolution", "32", "--weights", "w.safetensors",
                "--num-heads", "3", "--quiet", "--precision", "fp32", "--method",
            ] + method.split(separator: " ").map(String.init))
        #expect(outcome.status == 65, "\(outcome.errors)")
        #expect(outcome.errorLines.count == 1 && outcome.errors.contains("infinite or NaN"))
        #expect(try workspace.size(of: "out.png") == 0)
    }

    @Test func reportsClassifiersAndChecksNameItToo() throws {
        let workspace = try workspace()
        try write("w.safetensors", tensor: "blocks.1.attn.proj.bias", value: .nan, in: workspace)
        let options = ["--resolution", "32", "--num-heads", "3", "--quiet", "--weights"]
        let report = try workspace.run(
            ["probe", "photo.png", "-o", "report", "--only", "heads"] + options + ["w.safetensors"])
        #expect(report.status == 65 && report.errors.contains("'blocks.1.attn.proj.bias'"))
        try write("x.safetensors", tensor: "blocks.0.mlp.fc2.weight", factor: 3e38, in: workspace)
        let frame = try workspace.run(
            ["probe", "photo.png", "-o", "report", "--only", "heads,distance"] + options + ["x.safetensors"])
        #expect(frame.status == 65 && frame.errors.contains("photo.png"), "\(frame.errors)")
        #expect(!FileManager.default.fileExists(atPath: workspace.file("report")))

        try Safetensors.write(
            [("weight", [2, 36], [Float](repeating: .infinity, count: 72)), ("bias", [2], [0, 0])],
            to: workspace.file("head.safetensors"))
        let head = try workspace.run(
            ["photo.png", "--export", "a.npz", "--head", "head.safetensors"] + options + [Self.supervised])
        #expect(head.status == 65 && head.errors.contains("'weight' of head.safetensors"), "\(head.errors)")
    }

    @Test func theReportSaysWhatWasRead() throws {
        let workspace = try workspace()
        let outcome = try workspace.run([
            "probe", "photo.png", "-o", "report", "--resolution", "32", "--only", "heads", "--weights",
            Self.supervised, "--num-heads", "3", "--mean", "0.25",
        ])
        #expect(outcome.status == 0 && outcome.errors.contains("note: supervised.weights.safetensors:"))
        let page = String(decoding: try workspace.bytes(of: "report/index.html"), as: UTF8.self)
        #expect(page.contains("mean 0.25 (option)") && page.contains("family dino (assumed)"))
    }
}
