import Base
import Checkpoints
import Fixtures
import Foundation
import Testing

@testable import ViT

/// CLIP's and SigLIP's text towers in every naming, and what a picture's likeness to texts is, against OpenCLIP and
/// transformers (`golden_scripts/texts.py`).
@Suite struct TextTowerTests {
    @Test(arguments: TextGolden.all) func textsAreTheOriginals(_ item: TextGolden) throws {
        let golden = try item.expected()
        let tower = try #require(try item.model().textTower)
        #expect(tower.kind == item.kind)
        #expect(tower.directory == Fixtures.golden("texts/\(item.name)").path)
        let tokens = try item.tokens()
        let expected = try golden.floats("texts")
        let features = try tower.features(of: tokens)
        #expect(relativeError(features.values, expected) <= 1e-4)
        // One text by itself is what it is among others.
        let alone = try tower.features(of: [tokens[2]])
        #expect(relativeError(alone.values, Array(expected[2 * alone.outputs..<3 * alone.outputs])) <= 1e-4)
    }

    @Test(arguments: TextGolden.all) func logitsAreTheOriginals(_ item: TextGolden) throws {
        let golden = try item.expected()
        let model = try item.model()
        let texts = try TextClassifier(try item.tokens(), for: model)
        let expected = try golden.floats("logits")
        #expect(relativeError(texts.logits(try golden.floats("feature")), expected) <= 1e-4)

        let classifier = Classifier(texts)
        #expect(classifier.classes == 4)
        var request = ForwardRequest(attentionBlocks: [])
        classifier.require(of: &request)
        let input = Preprocessor(configuration: model.configuration, resolution: .native).patches(
            ofPlanes: try golden.floats("input"), rows: 4, columns: 4)
        let pass = try ForwardPass(engine: try Engine(model: model, precision: .float32), threads: 1)
        #expect(relativeError(classifier.logits(try pass.run(input, request)), expected) <= 1e-4)
        #expect(try PatchClassifier(classifier, of: model) == nil)
    }

    @Test(arguments: TextGolden.all, [Engine.Library.openBLAS, .oneDNN, .own])
    func theGradientIsAutogradsOf(_ item: TextGolden, library: Engine.Library) throws {
        let golden = try item.expected()
        let model = try item.model()
        let classifier = Classifier(try TextClassifier(try item.tokens(), for: model))
        let engine = try GradientEngine(model: model, classifier: classifier, library: library)
        let gradient = try PixelGradient(engine: engine, target: .logit(1), rows: 4, columns: 4)
        let result = try gradient.run(try golden.floats("input"))
        let logits = try golden.floats("logits")
        #expect(abs(result.value - logits[1]) <= 1e-4 * (logits.map(abs).max() ?? 0))
        #expect(relativeError(result.gradient, try golden.floats("gradient")) <= 1e-4)
    }

    /// What the file beside the weights says of the text tower decides.
    @Test(arguments: [
        (1, "open_clip_config.json", #""heads": 2"#, #""heads": 3"#),
        (1, "open_clip_config.json", #""embed_dim": 8"#, #""embed_dim": 8, "quick_gelu": true"#),
        (1, "open_clip_config.json", #""heads": 2"#, #""heads": 2, "no_causal_mask": true"#),
        (1, "open_clip_config.json", #""heads": 2"#, #""heads": 2, "norm_kwargs": {"eps": 0.1}"#),
        (1, "open_clip_config.json", #""heads": 2"#, #""heads": 2, "act_kwargs": {"approximate": "tanh"}"#),
        (2, "config.json", #""hidden_act": "quick_gelu""#, #""hidden_act": "gelu""#),
        (2, "config.json", #""num_attention_heads": 2"#, #""num_attention_heads": 3"#),
        (2, "config.json", #""layer_norm_eps": 1e-05"#, #""layer_norm_eps": 0.1"#),
    ]) func configurationsAreBelieved(index: Int, file: String, part: String, other: String) throws {
        let item = TextGolden.all[index]
        let golden = try item.expected()
        let directory = try TemporaryDirectory()
        let (weights, config) = (directory.file(item.file), directory.file(file))
        try FileManager.default.copyItem(atPath: item.path, toPath: weights)
        let text = try String(
            contentsOfFile: Fixtures.golden("texts/\(item.name)/\(file)").path, encoding: .utf8)
        let vision = try item.model().configuration
        for (content, isSame) in [(text, true), (text.replacing(part, with: other), false)] {
            try content.write(toFile: config, atomically: true, encoding: .utf8)
            let prefix = index == 1 ? "visual." : "vision_model."
            let tower = try #require(
                TextTower(try Checkpoint.open(weights), besideVision: prefix, vision: vision))
            let error = relativeError(
                try tower.features(of: try item.tokens()).values, try golden.floats("texts"))
            #expect((error <= 1e-4) == isSame, "\(other): \(error)")
        }
    }

    // MARK: What is refused

    @Test func aModelWithoutATextTowerSaysSo() throws {
        let model = try Golden("plain").model
        #expect(model.textTower == nil)
        let error = try #require(throws: VitvideoError.self) { try TextClassifier([[1]], for: model) }
        #expect(error.kind == .usage && error.reason == "\(model.name) has no text tower")
    }

    @Test func aTokenWithoutAnEmbeddingIsAnotherModels() throws {
        let tower = try #require(try TextGolden.all[2].model().textTower)
        let error = try #require(throws: VitvideoError.self) {
            try tower.features(of: [[0, tower.vocabularyCount]])
        }
        #expect(error.kind == .badData && error.description.contains("another model's"))
    }

    /// A tower with more parts computes something else, and one with fewer nothing.
    @Test(
        arguments: [
            ("transformer.resblocks.1.ls_1.gamma", [24], "unexpected transformer.resblocks.1.ls_1.gamma"),
            ("visual.head.mlp.fc1.weight", [8, 24], "unexpected visual.head.mlp.fc1.weight"),
            ("ln_final.bias", nil, "missing norm.bias of the text tower"),
            ("ln_final.bias", [15], "norm.bias of the text tower is [15], not [24]"),
            ("visual.proj", [24, 7], "the pictures' projection is [7, 24], not [8, 24]"),
            ("logit_scale", nil, "missing logit_scale"),
        ] as [(String, [Int]?, String)]) func anotherTowerIsRefused(
            name: String, shape: [Int]?, words: String
        )
        throws
    {
        let source = try Checkpoint.open(TextGolden.all[1].path)
        var tensors = try source.names.filter { $0 != name }.map {
            ($0, try #require(source[$0]).shape, try source.floats($0))
        }
        if let shape { tensors.append((name, shape, [Float](repeating: 0.5, count: shape.reduce(1, *)))) }
        let directory = try TemporaryDirectory()
        let path = directory.file("model.safetensors")
        try Safetensors.write(tensors, to: path)
        let model = try Model.load(path, told: ModelFacts(heads: 2, activation: .gelu))
        let error = try #require(throws: VitvideoError.self) {
            try TextClassifier([[0, 1]], for: model)
        }
        #expect(error.kind == .badData && error.description.contains(words), "\(error)")
    }

    /// Of a tower that is neither as wide as the vision tower nor of heads of 64.
    @Test func headsHaveToBeTold() throws {
        let item = TextGolden.all[0]
        let other = Configuration(
            family: .clip, patchSize: 4, width: 32, depth: 2, heads: 2, nativeRows: 4, nativeColumns: 4)
        let tower = try #require(
            TextTower(try Checkpoint.open(item.path), besideVision: "visual.", vision: other))
        let error = try #require(throws: VitvideoError.self) { try tower.features(of: [[0, 1]]) }
        #expect(error.kind == .badData && error.description.contains("how many heads"), "\(error)")
    }
}
