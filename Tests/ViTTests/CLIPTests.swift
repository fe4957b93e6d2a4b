import Base
import Checkpoints
import Fixtures
import Foundation
import Testing

@testable import ViT

/// CLIP's vision towers in every naming, against what OpenCLIP, transformers and timm compute
/// (`golden_scripts/clip.py`).
@Suite struct CLIPTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var suffix = ""
        /// Where nothing in the file or beside it tells the heads.
        var heads: Int?
        var activation = Activation.quickGELU
        var rule = PositionInterpolation.antialiased
        /// What is told to be left out, in the order of the notice.
        let left: [String]

        var path: String { Fixtures.golden("clip/\(name)\(suffix)").path }
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "openai", suffix: ".pt", heads: 2,
            left: ["positional_embedding", "text_projection", "vocab_size", "and 3 more"]),
        Case(
            name: "open_clip", activation: .gelu, left: ["token_embedding", "transformer", "proj"]),
        Case(name: "transformers", rule: .plain, left: ["text_model", "visual_projection"]),
        Case(name: "timm", left: []),
    ]

    private func load(_ item: Case) throws -> Model {
        try Model.load(item.path, told: ModelFacts(heads: item.heads))
    }

    @Test(arguments: cases) func isReadOffTheFile(_ item: Case) throws {
        let model = try load(item)
        let c = model.configuration
        #expect(c.family == .clip && c.width == 24 && c.heads == 2 && c.depth == 2 && c.patchSize == 4)
        #expect(c.nativeRows == 4 && c.nativeColumns == 4 && c.classes == 0)
        #expect(c.activation == item.activation && c.layerNormEpsilon == 1e-5)
        #expect(!c.hasPatchBias && c.normalizesBeforeBlocks && c.hasFinalNorm && !c.hasLayerScale)
        #expect(c.qkvBias == .all && c.positionInterpolation == item.rule)
        #expect(c.normalization == .clip)
        #expect(model.account.assumed == [])
        let notices = model.account.notices.map(\.text).joined(separator: "\n")
        for name in item.left { #expect(notices.contains(name), "\(name) in \(notices)") }
        if item.name == "timm" { #expect(notices.contains("the space that it shares with texts")) }
    }

    @Test(arguments: cases, [Engine.Library.openBLAS, .oneDNN, .own])
    func numbersAreTheOriginals(_ item: Case, library: Engine.Library) throws {
        let golden = try Checkpoint.open(Fixtures.golden("clip/\(item.name).expected.safetensors").path)
        let model = try load(item)
        let c = model.configuration
        let pass = try ForwardPass(
            engine: try Engine(model: model, library: library, precision: .float32), threads: 2)
        for grid in ["native", "wide"] {
            let shape = try #require(golden["\(grid)/input"]).shape
            let input = Preprocessor(configuration: c, resolution: .native).patches(
                ofPlanes: try golden.floats("\(grid)/input"), rows: shape[1] / c.patchSize,
                columns: shape[2] / c.patchSize)
            let result = try pass.run(
                input, ForwardRequest(attentionBlocks: Set(0..<c.depth), wantsTokens: true))
            for block in 0..<c.depth {
                let expected = try golden.floats("\(grid)/attention.\(block)")
                let attention = try #require(result.attention[block]).values
                #expect(relativeError(attention, expected) <= 1e-4, "\(item.name) \(grid) \(block)")
                #expect((expected.max() ?? 0) > 3 * expected.reduce(0, +) / Float(expected.count))
            }
            let token = Array(result.tokens.prefix(c.width))
            #expect(relativeError(token, try golden.floats("\(grid)/class")) <= 1e-4, "\(item.name) \(grid)")
        }
    }

    /// QuickGELU and GELU give other attention that looks as good, and nothing in most files tells them apart.
    @Test func theActivationHasToBeTold() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("tower.safetensors")
        try FileManager.default.copyItem(
            atPath: Fixtures.golden("clip/open_clip/open_clip_model.safetensors").path, toPath: path)
        let error = try #require(throws: VitvideoError.self) {
            try Model.load(path, told: ModelFacts(heads: 2))
        }
        #expect(error.kind == .badData && error.nextStep == .tellModel([.activation]))
        #expect(error.reason.contains("quick_gelu"))
        for activation in [Activation.gelu, .quickGELU] {
            let model = try Model.load(path, told: ModelFacts(heads: 2, activation: activation))
            #expect(model.configuration.activation == activation && model.configuration.family == .clip)
        }
    }

    /// What OpenCLIP's configuration says where its `model_cfg` has more than sizes.
    @Test(arguments: [
        (#""quick_gelu": true, "#, Activation.quickGELU), (#""quick_gelu": false, "#, .gelu), ("", .gelu),
    ]) func openCLIPsConfigurationTellsTheActivation(member: String, activation: Activation) throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("open_clip_model.safetensors")
        try FileManager.default.copyItem(
            atPath: Fixtures.golden("clip/open_clip/open_clip_model.safetensors").path, toPath: path)
        let json = """
            {"model_cfg": {"embed_dim": 8, \(member)"vision_cfg": {"image_size": 16, "layers": 2, "width": 24,
            "patch_size": 4, "head_width": 12}}, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}
            """
        try json.write(toFile: directory.file("open_clip_config.json"), atomically: true, encoding: .utf8)
        let c = try Model.load(path).configuration
        #expect(c.activation == activation && c.heads == 2 && c.normalization == .half)
    }
}
