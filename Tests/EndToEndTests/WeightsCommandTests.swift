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

    // MARK: What a file is

    @Test func infoSaysWhatWouldBeRead() throws {
        let workspace = try workspace()
        let good = try workspace.run(["models", "info", Self.supervised, "--num-heads", "3"])
        #expect(good.status == 0 && good.errors == "", "\(good.errors)")
        for word in [
            "safetensors", "3 blocks", "width 36", "11 classes", "mean 0.485", "assumed", "SHA-256",
            "--family",
        ] {
            #expect(good.output.contains(word), "\(good.output)")
        }
        let training = try workspace.run([
            "models", "info", Fixtures.golden("families/dino.pth").path, "--num-heads", "2",
        ])
        #expect(
            training.output.contains("'teacher.backbone'")
                && training.output.contains("'student.module.backbone'"))
        #expect(training.output.contains("--checkpoint-key"), "\(training.output)")

        // Refused as a run refuses it.
        let refused = try workspace.run(["models", "info", Self.supervised])
        let run = try workspace.run(["photo.png", "-o", "out.png", "--weights", Self.supervised])
        #expect(refused.status == 65 && run.status == 65)
        #expect(refused.errors == run.errors && refused.errors.contains("--num-heads"))
    }

    @Test(arguments: [
        (["layer1.0.conv1.weight"], "a ResNet"), (["x.lora_A.weight"], "LoRA"),
        (["weight", "bias"], "classifier"),
        (["cls_attn_blocks.0.norm1.weight"], "XCiT"),
        (["embeds.proj.weight"], "NaFlex"), (["blocks.0.attns.0.qkv.weight"], "parallel branches"),
        (["a", "b", "c", "d"], "4 tensors such as 'a'"),
    ]) func aRefusalSaysWhatTheFileLooksLike(names: [String], words: String) throws {
        let workspace = try workspace()
        try Safetensors.write(names.map { ($0, [1], [0]) }, to: workspace.file("w.safetensors"))
        for command in [["photo.png", "-o", "out.png", "--weights"], ["models", "info"]] {
            let outcome = try workspace.run(command + ["w.safetensors"])
            #expect(outcome.status == 65 && outcome.errorLines.count == 1)
            #expect(
                outcome.errors.contains(words) && outcome.errors.contains("no class token"),
                "\(outcome.errors)")
        }
    }

    /// As `save_pretrained` writes it: a directory with a configuration and shards.
    @Test func aDirectoryOfHuggingFace() throws {
        let workspace = try workspace()
        let source = try Checkpoint.open(Self.supervised)
        try FileManager.default.createDirectory(
            atPath: workspace.file("model"), withIntermediateDirectories: true)
        var map: [String: String] = [:]
        for (number, part) in [source.names.prefix(9), source.names.dropFirst(9)].enumerated() {
            let file = "model-0000\(number + 1)-of-00002.safetensors"
            try Safetensors.write(
                try part.map { ($0, try #require(source[$0]).shape, try source.floats($0)) },
                to: workspace.file("model/\(file)"))
            for name in part { map[name] = file }
        }
        try JSONSerialization.data(withJSONObject: ["weight_map": map]).write(
            to: URL(fileURLWithPath: workspace.file("model/model.safetensors.index.json")))
        try workspace.write(
            #"{"num_attention_heads": 3, "image_mean": 0.5, "image_std": 0.5}"#.utf8, to: "model/config.json")
        let options = ["photo.png", "--resolution", "32", "--position-rule", "timm", "--quiet", "--weights"]
        var outcome = try workspace.run(options + ["model", "--export", "a.npz"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        outcome = try workspace.run(
            options + [Self.supervised, "--num-heads", "3", "--family", "vit", "--export", "b.npz"])
        #expect(outcome.status == 0)
        #expect(try attention(workspace, "a.npz") == attention(workspace, "b.npz"))
    }

    // MARK: Names of classes

    /// The supervised model has 11 classes.
    @Test(arguments: [[], ["--method", "gradient-rollout", "--class", "top"]], [1, 10, 12, 1000])
    func aListOfAnotherLengthIsRefused(method: [String], count: Int) throws {
        let workspace = try workspace()
        let options = [
            "photo.png", "-o", "out.png", "--resolution", "32", "--quiet", "--num-heads", "3", "--weights",
            Self.supervised,
        ]
        try workspace.write((0..<count).map { "kind \($0)\n" }.joined().utf8, to: "names.txt")
        let list = try workspace.run(options + method + ["--labels", "names.txt"])
        #expect(list.status == 65 && list.errorLines.count == 1, "\(list.errors)")
        #expect(list.errors.contains("names.txt: has \(count) names") && list.errors.contains("11 classes"))
        let imagenet = try workspace.run(options + method + ["--labels", "imagenet", "--offline"])
        #expect(imagenet.status == 64 && imagenet.errors.contains("1000 classes"), "\(imagenet.errors)")
        try workspace.write((0..<11).map { "kind \($0)\n" }.joined().utf8, to: "names.txt")
        #expect(try workspace.run(options + method + ["--labels", "names.txt"]).status == 0)
    }

    // MARK: Options of one file

    /// Two files of one name, one in a folder with a comma, each with what it needs.
    @Test func filesHaveOptionsOfTheirOwn() throws {
        let workspace = try workspace()
        let files = FileManager.default
        for (folder, name) in [("a,b", "supervised"), ("c=d", "plain")] {
            try files.createDirectory(atPath: workspace.file(folder), withIntermediateDirectories: true)
            try files.copyItem(
                atPath: Golden.path(name, "weights"), toPath: workspace.file("\(folder)/w.safetensors"))
        }
        let options = ["--resolution", "32", "--quiet"]
        let words = [
            "--define", "one=a,b/w.safetensors", "--set", "one:num-heads=3", "--set", "one:family=vit",
            "--define",
            "two=c=d/w.safetensors", "--set", "two:num-heads=2", "--set", "two:mean=0.5,0.25,0.125",
        ]
        var outcome = try workspace.run(
            ["photo.png", "--export", "both.npz", "--model", "one", "--compare", "two"] + words + options)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let archive = try NPZReader(workspace.file("both.npz"))
        func meta(_ name: String) throws -> [String: Any] {
            let text = try #require(try archive.array("meta.\(name)").strings().first)
            return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        }
        #expect(try meta("one")["num_heads"] as? Int == 3 && meta("two")["num_heads"] as? Int == 2)
        #expect(try meta("one")["mean"] as? [Double] == [0.5, 0.5, 0.5])
        #expect(try meta("two")["mean"] as? [Double] == [0.5, 0.25, 0.125])

        // A path with a comma is one file where it has a --compare of its own.
        outcome = try workspace.run(
            [
                "photo.png", "--export", "x.npz", "--compare", "a,b/w.safetensors", "--compare",
                "c=d/w.safetensors", "--model", "one",
            ] + words.prefix(6) + options)
        #expect(
            outcome.status == 65 && outcome.errors.contains("a,b/w.safetensors: the weights"),
            "\(outcome.errors)")

        outcome = try workspace.run(
            ["probe", "photo.png", "-o", "report", "--only", "heads", "--model", "one,two"] + words + options)
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    /// What is said of --weights is not said of what it is compared with.
    @Test(arguments: [
        ["--num-heads", "3"], ["--family", "vit"], ["--mean", "0.5"], ["--activation", "quick_gelu"],
        ["--checkpoint-key", "teacher"],
    ]) func optionsDoNotReachAnotherFile(option: [String]) throws {
        let workspace = try workspace()
        let other = Fixtures.golden("families/dinov2_registers.safetensors").path
        let weights =
            option[0] == "--checkpoint-key" ? Fixtures.golden("families/dino.pth").path : Self.supervised
        var metas: [String] = []
        for given in [[], option] {
            let outcome = try workspace.run(
                [
                    "photo.png", "--export", "a.npz", "-y", "--resolution", "32", "--quiet", "--define",
                    "main=\(weights)", "--set", "main:num-heads=\(weights == Self.supervised ? 3 : 2)",
                    "--define", "other=\(other)", "--set", "other:num-heads=2", "--model", "main",
                    "--compare",
                    "other",
                ] + given)
            #expect(outcome.status == 0, "\(outcome.errors)")
            metas.append(
                try #require(
                    try NPZReader(workspace.file("a.npz")).array("meta.other").strings().first))
        }
        #expect(metas[0] == metas[1])
    }

    @Test(arguments: [
        ("--define a", "--define"), ("--define a=", "--define"), ("--define a=x --define a=y", "twice"),
        ("--define dino=x", "known model"), ("--set a:num-heads=3", "no --define a=FILE"),
        ("--define a=x --set a:colour=3", "--set"), ("--define a=x --set a:num-heads=0", "--set"),
        ("--define a=x", "nothing names it"), ("--define a=x --compare dino", "nothing names it"),
        ("--num-heads 3 --compare x.pth", "--define"), ("--family vit", "--weights"),
    ]) func whatCannotBeMeantIsRefused(options: String, reason: String) throws {
        let outcome = try workspace().run(
            ["photo.png", "-o", "out.png"] + options.split(separator: " ").map(String.init))
        #expect(outcome.status == 64 && outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
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
