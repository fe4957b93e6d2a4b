import Base
import Checkpoints
import Fixtures
import Testing

@testable import ViT

/// Models in the files that each library writes, against what it computes from them (`golden_scripts/expected.py`):
/// attention of every block, tokens, logits, the pooling head, and gradients, at the native grid and at a wide one by
/// the library's own rule.
@Suite struct LibraryGoldenTests {
    struct Case: Sendable, CustomTestStringConvertible {
        /// The expected numbers' file.
        let name: String
        let path: String
        var told = ModelFacts()
        let family: Configuration.Family
        var rule = PositionInterpolation.antialiased
        var epsilon: Float = 1e-6
        /// Parts that are not the family's.
        var parts: @Sendable (Configuration) -> Bool = { _ in true }
        /// What a notice has to say.
        var notices: [String] = []
        var assumed: Set<ModelFact> = []

        var testDescription: String { path }

        init(
            _ name: String, _ family: Configuration.Family, suffix: String = "", heads: Int? = nil,
            as told: ModelFacts = ModelFacts(), rule: PositionInterpolation = .antialiased,
            epsilon: Float = 1e-6,
            assumed: Set<ModelFact> = [], notices: [String] = [],
            parts: @escaping @Sendable (Configuration) -> Bool = { _ in true }
        ) {
            self.name = name
            path = name + suffix
            self.told = told
            if let heads { self.told.heads = heads }
            self.family = family
            self.rule = rule
            self.epsilon = epsilon
            self.assumed = assumed
            self.notices = notices
            self.parts = parts
        }

        func load() throws -> Model { try Model.load(Fixtures.golden(path).path, told: told) }
        func golden() throws -> Checkpoint {
            try Checkpoint.open(Fixtures.golden("\(name).expected.safetensors").path)
        }
    }

    static let cases = siglip + patches + variants + beit + eva

    static let siglip = [
        Case("siglip/transformers", .siglip, rule: .plain, notices: ["text_model"]) {
            $0.activation == .geluTanh && $0.pooling == .attentionProbe && !$0.prefix.hasClassToken
                && $0.normalization == .half && $0.specialTokens == 0
        },
        Case("siglip/timm", .siglip) { $0.activation == .gelu },
        Case("siglip/timm2", .siglip) { $0.activation == .geluTanh },
        Case("siglip/open_clip", .siglip, heads: 2, notices: ["text"]) { $0.activation == .gelu },
    ]

    static let patches = [
        Case("patches/ijepa", .ijepa, suffix: ".pth", heads: 2, notices: ["target_encoder"]) {
            !$0.prefix.hasClassToken && $0.pooling == .meanPatch && $0.normalization == .imageNet
        },
        Case("patches/ijepa_hf", .ijepa, rule: .plain) { !$0.prefix.hasClassToken },
        Case("patches/mae", .mae, suffix: ".pth", heads: 2, rule: .plain, notices: ["decoder_blocks"]),
        Case("patches/mae_hf", .mae, rule: .plain, epsilon: 1e-12, notices: ["decoder"]),
        Case(
            "patches/mae_finetuned", .mae, suffix: ".pth", heads: 2,
            as: ModelFacts(family: .mae, positionInterpolation: .antialiased)
        ) { !$0.hasFinalNorm && $0.hasPoolingNorm && $0.pooling == .meanPatch && $0.classes == 5 },
        Case("patches/ibot", .dino, suffix: ".pth", heads: 2, rule: .scaled, notices: ["student"]),
        Case(
            "patches/ibot_layerscale", .dino, suffix: ".pth", heads: 2, as: ModelFacts(family: .dino),
            rule: .scaled
        ) { $0.hasLayerScale },
        Case(
            "patches/msn", .dino, suffix: ".pth", heads: 2, as: ModelFacts(positionInterpolation: .plain),
            rule: .plain,
            assumed: [.family, .mean, .deviation], notices: ["fc"]),
        Case("patches/msn_hf", .dino, rule: .plain),
    ]

    static let variants = [
        Case("variants/avg_fc_norm", .eva) {
            $0.hasPoolingNorm && !$0.hasFinalNorm && $0.pooling == .meanPatch && $0.prefix.hasClassToken
        },
        Case("variants/avg_norm", .vit) { !$0.hasPoolingNorm && $0.pooling == .meanPatch },
        Case("variants/gap", .vit, assumed: [.family]) {
            !$0.prefix.hasClassToken && $0.pooling == .meanPatch
        },
        Case("variants/reg_only", .vit, assumed: [.family]) {
            !$0.prefix.hasClassToken && $0.registers == 4 && $0.positionedSpecialTokens == 0
        },
        Case("variants/reg_only_positions", .vit, assumed: [.family]) {
            !$0.prefix.hasClassToken && $0.registers == 4 && $0.positionedSpecialTokens == 4
        },
        Case("variants/no_embed_class_reg", .vit) {
            $0.registers == 4 && $0.prefix.hasClassToken
        },
        Case("variants/norm_pre", .vit) { $0.normalizesBeforeBlocks && $0.hasPatchBias },
        Case("variants/no_qkv_bias", .dino, assumed: [.family]) { $0.qkvBias == [] },
        Case("variants/no_proj_bias", .vit) { !$0.hasLinearBias },
        Case("variants/qk_norm", .vit) { $0.normalizesQueriesAndKeys },
        Case("variants/scale_norm", .vit, epsilon: 1e-5) { $0.normalizesHidden && $0.normalizesAttention },
        Case("variants/heads32", .vit) { $0.headWidth == 32 },
        Case("variants/heads128", .vit) { $0.headWidth == 128 },
        Case("variants/patch8", .vit) { $0.patchSize == 8 },
    ]

    static let beit = [
        Case("beit/timm", .beit) {
            $0.relativePositions == .perBlock && $0.position == .none && $0.qkvBias == [.queries, .values]
                && $0.hasPoolingNorm && $0.classes == 5 && $0.hasLayerScale
        },
        Case("beit/finetuned", .beit, suffix: ".pth") { $0.relativePositions == .perBlock },
        Case("beit/official", .beit, suffix: ".pth", notices: ["lm_head"]) {
            $0.relativePositions == .shared && $0.hasFinalNorm && !$0.hasPoolingNorm
        },
        Case("beit/beitv2", .beit, suffix: ".pth", notices: ["cls_pt_layers"]) {
            $0.relativePositions == .shared
        },
        Case("beit/absolute", .beit, suffix: ".pth", heads: 2, as: ModelFacts(family: .beit)) {
            $0.relativePositions == nil && $0.position.isInterpolated
        },
        Case("beit/transformers", .beit, rule: .plain, epsilon: 1e-12) { $0.relativePositions == .perBlock },
        Case("beit/transformers_shared", .beit, rule: .plain, epsilon: 1e-12) {
            $0.relativePositions == .shared && $0.hasFinalNorm
        },
        Case("beit/transformers_absolute", .beit, rule: .plain, epsilon: 1e-12) {
            $0.relativePositions == nil && $0.position.isInterpolated
        },
        Case("beit/data2vec", .beit, rule: .plain, epsilon: 1e-12),
        Case("beit/data2vec_shared", .beit, rule: .plain, epsilon: 1e-12),
    ]

    static let eva = [
        Case("eva/timm_eva01", .eva) { $0.rotary == nil && $0.qkvBias == [.queries, .values] },
        Case("eva/timm_eva02_fused", .eva02) {
            $0.rotary == .eva02 && $0.activation == .swiglu && !$0.normalizesHidden
        },
        Case("eva/timm_eva02", .eva02) { $0.rotary == .eva02 && $0.normalizesHidden && $0.hasPoolingNorm },
        Case("eva/timm_mim", .eva02) { $0.hasPoolingNorm && !$0.hasFinalNorm && $0.classes == 0 },
        Case("eva/timm_eva02_clip", .eva02, notices: ["the space that it shares with texts"]) {
            $0.normalizesAttention && $0.classes == 0
        },
        Case("eva/official_eva02", .eva02, suffix: ".pth", heads: 2) { $0.normalizesHidden },
        Case("eva/official_mim", .eva02, suffix: ".pth", heads: 2) { $0.hasFinalNorm },
        Case("eva/official_eva02_clip", .eva02, suffix: ".pt", heads: 2, notices: ["text"]) {
            $0.normalizesAttention
        },
    ]

    @Test(arguments: cases) func isReadOffTheFile(_ item: Case) throws {
        let model = try item.load()
        let c = model.configuration
        #expect(c.family == item.family && c.positionInterpolation == item.rule)
        #expect(c.layerNormEpsilon == item.epsilon && c.nativeRows == 4 && c.nativeColumns == 4)
        #expect(item.parts(c), "\(c)")
        #expect(
            model.account.assumed.filter { ![.epsilon, .activation].contains($0) }.allSatisfy(
                item.assumed.contains))
        let notices = model.account.notices.map(\.text).joined(separator: "\n")
        for text in item.notices { #expect(notices.contains(text), "\(text) in \(notices)") }
    }

    @Test(arguments: cases, [Engine.Library.openBLAS, .oneDNN, .own])
    func numbersAreTheOriginals(_ item: Case, library: Engine.Library) throws {
        let (model, golden) = (try item.load(), try item.golden())
        let c = model.configuration
        let pass = try ForwardPass(
            engine: try Engine(model: model, library: library, precision: .float32), threads: 2)
        var worst: Float = 0
        func compare(_ found: [Float], _ name: String) throws {
            let error = relativeError(found, try golden.floats(name))
            worst = max(worst, error)
            #expect(error <= 1e-4, "\(item.path) \(name): \(error)")
        }
        for grid in ["native", "wide"] {
            let input = try input(golden, grid, c)
            var request = ForwardRequest(
                attentionBlocks: Set(0..<c.depth), wantsTokens: true, wantsLogits: true)
            request.wantsProbeAttention = true
            let result = try pass.run(input, request)
            for block in 0..<c.depth {
                let attention = try #require(result.attention[block]).values
                try compare(attention, "\(grid)/attention.\(block)")
                // A map that is flat would fit anything.
                #expect((attention.max() ?? 0) > 1.5 * attention.reduce(0, +) / Float(attention.count))
            }
            try compare(result.tokens, "\(grid)/tokens")
            #expect((golden["\(grid)/logits"] != nil) == (c.classes > 0))
            if c.classes > 0 { try compare(result.logits, "\(grid)/logits") }
            #expect((golden["\(grid)/probe"] != nil) == (result.probeAttention != nil))
            guard let probe = result.probeAttention else { continue }
            try compare(probe.values, "\(grid)/probe")
            let pooled = try result.tokens.withUnsafeBufferPointer { tokens in
                TokenFeature.attentionProbe.value(
                    of: NormalizedTokens(
                        model: model, start: tokens.baseAddress!, count: tokens.count / c.width,
                        product: try MatrixProduct()))
            }
            try compare(pooled, "\(grid)/pooled")
        }
        print("\(item.path), \(library): \(worst)")
    }

    @Test(arguments: cases) func gradientsAreTheOriginals(_ item: Case) throws {
        let (model, golden) = (try item.load(), try item.golden())
        for grid in ["native", "wide"] {
            let input = try input(golden, grid, model.configuration)
            let found = try BackwardPass(model: model).run(
                input,
                GradientRequest(target: .tokens(try golden.floats("\(grid)/weights")), wantsInput: true))
            let error = relativeError(found.input, try golden.floats("\(grid)/gradient"))
            #expect(error <= 1e-4, "\(item.path) \(grid): \(error)")
        }
    }

    /// Of the pooling head's output, by way of the tokens.
    @Test(arguments: siglip) func gradientsThroughThePoolingHead(_ item: Case) throws {
        let (model, golden) = (try item.load(), try item.golden())
        let c = model.configuration
        for grid in ["native", "wide"] {
            let input = try input(golden, grid, c)
            let tokens = try ForwardPass(model: model).run(
                input, ForwardRequest(attentionBlocks: [], wantsTokens: true)
            ).tokens
            var weights = [Float](repeating: 0, count: tokens.count)
            try tokens.withUnsafeBufferPointer { tokens in
                _ = TokenFeature.attentionProbe.backward(
                    try golden.floats("\(grid)/pooled_weights"), share: 1,
                    NormalizedTokens(
                        model: model, start: tokens.baseAddress!, count: tokens.count / c.width,
                        product: try MatrixProduct()), to: &weights)
            }
            let found = try BackwardPass(model: model).run(
                input, GradientRequest(target: .tokens(weights), wantsInput: true))
            let error = relativeError(found.input, try golden.floats("\(grid)/pooled_gradient"))
            #expect(error <= 1e-4, "\(item.path) \(grid): \(error)")
        }
    }

    /// The same numbers from a file that has nothing beside it: what shapes and names tell is enough.
    @Test(arguments: [
        Case("siglip/transformers", .siglip, heads: 2), Case("variants/qk_norm", .vit),
        Case("variants/gap", .vit, heads: 2), Case("variants/reg_only", .vit, heads: 2),
        Case("variants/reg_only_positions", .vit, heads: 2),
        Case("variants/no_embed_class_reg", .vit, heads: 2),
        Case("variants/norm_pre", .vit, heads: 2), Case("variants/no_qkv_bias", .vit, heads: 2),
        Case("variants/no_proj_bias", .vit, heads: 2), Case("variants/patch8", .vit, heads: 2),
        Case("variants/avg_fc_norm", .vit, heads: 2),
    ]) func aFileAloneTells(_ item: Case) throws {
        let bare = item.name == "siglip/transformers" ? "siglip/vision" : item.name
        let model = try Model.load(Fixtures.golden("\(bare).safetensors").path, told: item.told)
        let golden = try item.golden()
        let c = model.configuration
        let result = try ForwardPass(model: model).run(
            try input(golden, "native", c), ForwardRequest(attentionBlocks: [c.depth - 1], wantsTokens: true))
        let attention = try #require(result.attention[c.depth - 1]).values
        #expect(relativeError(attention, try golden.floats("native/attention.\(c.depth - 1)")) <= 1e-4)
        #expect(relativeError(result.tokens, try golden.floats("native/tokens")) <= 1e-4)
    }

    /// timm's model of grey pictures, which this program gives colored ones: red, green and blue alike are grey.
    @Test(arguments: ["variants/grey/model.safetensors", "variants/grey.safetensors"])
    func greyPictures(path: String) throws {
        let model = try Model.load(Fixtures.golden(path).path, told: ModelFacts(family: .vit, heads: 2))
        let golden = try Checkpoint.open(Fixtures.golden("variants/grey.expected.safetensors").path)
        let c = model.configuration
        #expect(c.inputChannels == 1)
        let shape = try #require(golden["wide/input"]).shape
        let grey = try golden.floats("wide/input")
        let input = Preprocessor(configuration: c, resolution: .native).patches(
            ofPlanes: grey + grey + grey, rows: shape[shape.count - 2] / c.patchSize,
            columns: shape[shape.count - 1] / c.patchSize)
        let result = try ForwardPass(model: model).run(
            input, ForwardRequest(attentionBlocks: Set(0..<c.depth), wantsTokens: true))
        for block in 0..<c.depth {
            let attention = try #require(result.attention[block]).values
            #expect(relativeError(attention, try golden.floats("wide/attention.\(block)")) <= 1e-4)
        }
        #expect(relativeError(result.tokens, try golden.floats("wide/tokens")) <= 1e-4)
    }

    private func input(_ golden: Checkpoint, _ grid: String, _ c: Configuration) throws -> PatchMatrix {
        let shape = try #require(golden["\(grid)/input"]).shape
        return Preprocessor(configuration: c, resolution: .native).patches(
            ofPlanes: try golden.floats("\(grid)/input"), rows: shape[1] / c.patchSize,
            columns: shape[2] / c.patchSize)
    }
}
