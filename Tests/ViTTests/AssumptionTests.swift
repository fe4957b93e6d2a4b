import Base
import Checkpoints
import Fixtures
import Foundation
import Testing
import ViT

/// What is believed of a file that does not tell everything itself, by whom, and what is said about the rest.
@Suite struct AssumptionTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// A plain ViT of width 192, with or without a classifier, under timm's names.
    private func write(
        _ file: String, classes: Int = 0, metadata: [String: String] = [:],
        adding extra: [(name: String, shape: [Int])] = []
    ) throws -> String {
        let c = Configuration(
            family: .vit, patchSize: 2, width: 192, depth: 1, heads: 3, feedForwardWidth: 8, nativeRows: 4,
            nativeColumns: 4, classes: classes)
        let path = directory.file(file)
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Safetensors.write(
            (CanonicalNames.required(by: c) + extra).map { name, shape in
                (name, shape, [Float](repeating: 0.1, count: shape.reduce(1, *)))
            }, metadata: metadata, to: path)
        return path
    }

    private func write(_ text: String, to file: String) throws {
        try text.write(toFile: directory.file(file), atomically: true, encoding: .utf8)
    }

    @Test(arguments: [0, 2, 1000], ["deit_small.pth", "vit_base_augreg.pth", "model.safetensors"])
    func neitherHeadNorNameDecides(classes: Int, file: String) throws {
        let model = try Model.load(try write(file, classes: classes))
        #expect(model.configuration.normalization == .imageNet)
        #expect(model.configuration.family == .dino)
        #expect(
            model.account.assumed
                == [.family, .mean, .deviation, .activation, .heads, .positionRule, .epsilon])
        let notice = try #require(model.account.notices.first)
        #expect(notice.text.contains("mean 0.485,0.456,0.406, std 0.229,0.224,0.225"))
        guard case .tellModel(let facts)? = notice.nextStep else {
            Issue.record("the notice names nothing to do")
            return
        }
        #expect(Set(facts).isSuperset(of: [.family, .mean, .deviation, .heads]))
    }

    @Test func aHeadOnAHuggingFaceModelDecidesNothing() throws {
        let source = Fixtures.golden("families/hf_vit.safetensors").path
        let file = try Checkpoint.open(source)
        let bare = try file.names.filter { !$0.hasPrefix("classifier") }.map {
            ($0, try #require(file[$0]).shape, try file.floats($0))
        }
        let path = directory.file("bare.safetensors")
        try Safetensors.write(bare, to: path)
        for path in [source, path] {
            let model = try Model.load(path, told: ModelFacts(heads: 2))
            #expect(model.configuration.normalization == .half)
            #expect(model.account.beliefs[.mean] == .assumption)
            #expect(model.account.beliefs[.positionRule] == .tensors)
            #expect(model.account.notices.count == 1)
        }
    }

    @Test(arguments: FamilyTests.cases.filter { $0.told == nil && !$0.file.hasPrefix("hf_vit") })
    func whatTensorsShowIsNotAssumed(_ item: FamilyTests.Case) throws {
        let path = Fixtures.golden("families/\(item.file)").path
        let model = try Model.load(path, told: ModelFacts(heads: item.tellsHeads ? nil : 2))
        #expect(model.account.assumed == [])
        #expect(model.account.notices.filter { $0.text.contains("assumed") } == [])
    }

    @Test func optionsComeFirstThenFilesThenMetadata() throws {
        let path = try write("model.safetensors", metadata: ["family": "vit", "num_heads": "6"])
        var model = try Model.load(path)
        #expect(model.configuration.family == .vit && model.configuration.heads == 6)
        #expect(model.account.beliefs[.heads] == .file("its metadata"))
        #expect(model.account.notices == [])

        try write(
            """
            {"model_type": "vit", "hidden_size": 192, "num_hidden_layers": 1, "num_attention_heads": 12,
             "hidden_act": "gelu_new", "layer_norm_eps": 1e-05, "image_size": [4, 16], "patch_size": 2,
             "id2label": {"0": "a"}}
            """, to: "config.json")
        try write(
            #"{"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}"#, to: "preprocessor_config.json")
        model = try Model.load(path)
        #expect(model.configuration.heads == 12 && model.configuration.activation == .geluTanh)
        #expect(model.configuration.layerNormEpsilon == 1e-5)
        #expect(model.configuration.nativeRows == 2 && model.configuration.nativeColumns == 8)
        #expect(
            model.configuration.normalization
                == Normalization(mean: [0.1, 0.2, 0.3], deviation: [0.4, 0.5, 0.6]))
        #expect(model.account.beliefs[.mean] == .file("preprocessor_config.json"))
        #expect(model.account.beliefs[.heads] == .file("config.json"))

        model = try Model.load(
            path,
            told: ModelFacts(
                family: .deit, mean: [0.7], deviation: [0.8, 0.9, 1], heads: 2, activation: .quickGELU,
                grid: PatchGrid(rows: 8, columns: 2)))
        let c = model.configuration
        #expect(c.family == .deit && c.heads == 2 && c.activation == .quickGELU)
        #expect(c.nativeRows == 8 && c.nativeColumns == 2)
        #expect(c.normalization == Normalization(mean: [0.7, 0.7, 0.7], deviation: [0.8, 0.9, 1]))
        #expect(model.account.beliefs[.mean] == .option && model.account.beliefs[.grid] == .option)
    }

    @Test func timmsConfigurationIsRead() throws {
        let path = try write("timm/model.safetensors", classes: 3)
        try write(
            """
            {"architecture": "deit_base_patch2_8", "num_classes": 3, "num_features": 192,
             "pretrained_cfg": {"tag": "fb_in1k", "input_size": [3, 8, 8], "mean": [0.4, 0.4, 0.4],
             "std": [0.2, 0.2, 0.2]}}
            """, to: "timm/config.json")
        let model = try Model.load(path)
        #expect(model.configuration.family == .deit)
        #expect(model.configuration.normalization.mean == [0.4, 0.4, 0.4])
        #expect(model.configuration.normalization.deviation == [0.2, 0.2, 0.2])
        #expect(model.configuration.positionInterpolation == .antialiased)
        #expect(model.account.notices == [])
    }

    /// The file that Hugging Face's cache links to may be named itself.
    @Test func aBlobHasTheConfigurationOfItsSnapshot() throws {
        let blob = try write("hub/blobs/abc")
        let snapshot = directory.file("hub/snapshots/rev")
        try FileManager.default.createDirectory(atPath: snapshot, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: snapshot + "/model.safetensors", withDestinationPath: "../../blobs/abc")
        try write(#"{"mean": 0.3, "std": 0.6}"#, to: "hub/snapshots/rev/config.json")
        for path in [blob, snapshot + "/model.safetensors"] {
            #expect(try Model.load(path).configuration.normalization.mean == [0.3, 0.3, 0.3])
        }
    }

    @Test(arguments: [
        (#"{"hidden_size": 768, "image_mean": [0, 0, 0]}"#, "another model (width 768, not 192)"),
        (#"{"num_hidden_layers": 12, "image_mean": [0, 0, 0]}"#, "another model (depth 12, not 1)"),
        (#"{"patch_size": 16, "image_mean": [0, 0, 0]}"#, "another model (patch 16, not 2)"),
        ("[1]", "not a JSON object"), ("{", "not a JSON object"), ("", "not a JSON object"),
    ]) func aFileOfAnotherModelIsPassedOver(text: String, reason: String) throws {
        let path = try write("model.safetensors")
        try write(text, to: "config.json")
        let model = try Model.load(path)
        #expect(model.configuration.normalization == .imageNet)
        #expect(model.account.notices.contains { $0.text.contains(reason) })
    }

    @Test(arguments: [
        (#"{"hidden_act": "relu"}"#, "activation 'relu'"), (#"{"image_std": [0, 1, 1]}"#, "std"),
        (#"{"image_mean": [1, 2]}"#, "mean"),
    ]) func whatCannotBeComputedIsRefused(text: String, reason: String) throws {
        let path = try write("model.safetensors")
        try write(text, to: "config.json")
        let error = #expect(throws: VitvideoError.self) { try Model.load(path) }
        #expect(error?.kind == .badData && error?.reason.contains(reason) == true)
        #expect(error?.path?.hasSuffix("config.json") == true)
    }

    @Test func aKnownFileIsKnownByItsContent() throws {
        let path = try write("renamed.bin")
        let expected = try Model.load(path, told: ModelFacts(family: .vit)).configuration
        var asked = ""
        let model = try Model.load(path) {
            asked = $0
            return Model.Known(name: "published", configuration: expected)
        }
        #expect(asked == model.weightsHash && asked.count == 64)
        #expect(model.configuration == expected && model.account.notices == [])
        #expect(model.account.beliefs[.mean] == .knownModel("published"))
        // What the user says counts more.
        let other = try Model.load(path, told: ModelFacts(mean: [0.1])) { _ in
            Model.Known(name: "published", configuration: expected)
        }
        #expect(other.configuration.normalization.mean == [0.1, 0.1, 0.1])
        #expect(other.account.beliefs[.mean] == .option)
    }

    @Test func decodersAndProjectionHeadsTellTheFamily() throws {
        for (name, family) in [
            ("decoder_pos_embed", Configuration.Family.mae), ("head.last_layer.weight_v", .dino),
        ] {
            let path = try write("backbone.safetensors")
            let inner = try Checkpoint.open(path)
            var tensors = try inner.names.map {
                ("backbone.\($0)", try #require(inner[$0]).shape, try inner.floats($0))
            }
            tensors.append((name, [1], [0]))
            try Safetensors.write(tensors, to: path)
            let loader = try WeightLoader(try Checkpoint.open(path))
            let (c, account) = try loader.settle()
            #expect(c.family == family && account.beliefs[.family] == .tensors)
            #expect(c.normalization == .imageNet && account.assumed == [])
        }
    }
}
