import Base
import Checkpoints
import Fixtures
import ModelZoo
import Pixels
import Probing
import Testing
import ViT
import VideoIO

/// Similarity, foreground, relevance and Grad-CAM against PyTorch's statements of them (`golden_scripts/maps.py`).
@Suite struct TokenMapTests {
    static let tolerance: Float = 1e-4
    /// The query of similarity, and the class of relevance.
    static let query = (row: 1, column: 2)
    static let target = 1

    /// A model of a library, and its family's goldens.
    struct Case: Sendable, CustomTestStringConvertible {
        let path: String
        let golden: String
        var heads: Int?
        var family: Configuration.Family?
        var rule: PositionInterpolation?
        var testDescription: String { path }

        init(
            _ path: String, heads: Int? = nil, family: Configuration.Family? = nil,
            rule: PositionInterpolation? = nil
        ) {
            self.path = path
            golden = String(path.prefix { $0 != "." })
            self.heads = heads
            self.family = family
            self.rule = rule
        }
    }

    static let cases = [
        Case("siglip/transformers"), Case("siglip/timm"), Case("siglip/timm2"),
        Case("siglip/open_clip", heads: 2),
        Case("patches/ijepa.pth", heads: 2), Case("patches/ijepa_hf"), Case("patches/mae.pth", heads: 2),
        Case("patches/mae_hf"),
        Case("patches/mae_finetuned.pth", heads: 2, family: .mae, rule: .antialiased),
        Case("patches/ibot.pth", heads: 2), Case("patches/ibot_layerscale.pth", heads: 2, family: .dino),
        Case("patches/msn.pth", heads: 2, rule: .plain), Case("patches/msn_hf"),
        Case("variants/avg_fc_norm"), Case("variants/avg_norm"), Case("variants/gap"),
        Case("variants/grey"), Case("variants/reg_only"), Case("variants/reg_only_positions"),
        Case("variants/no_embed_class_reg"), Case("variants/norm_pre"), Case("variants/no_qkv_bias"),
        Case("variants/no_proj_bias"), Case("variants/qk_norm"), Case("variants/scale_norm"),
        Case("variants/heads32"), Case("variants/heads128"), Case("variants/patch8"),
        Case("beit/timm"), Case("beit/finetuned.pth"), Case("beit/official.pth"), Case("beit/beitv2.pth"),
        Case("beit/absolute.pth", heads: 2, family: .beit), Case("beit/transformers"),
        Case("beit/transformers_shared"), Case("beit/transformers_absolute"), Case("beit/data2vec"),
        Case("beit/data2vec_shared"),
        Case("eva/timm_eva01"), Case("eva/timm_eva02_fused"), Case("eva/timm_eva02"), Case("eva/timm_mim"),
        Case("eva/timm_eva02_clip"), Case("eva/official_eva02.pth", heads: 2),
        Case("eva/official_mim.pth", heads: 2), Case("eva/official_eva02_clip.pt", heads: 2),
    ]

    /// What every map is compared by.
    private struct Comparison {
        let golden: Checkpoint
        let model: Model
        let grid: String
        let input: PatchMatrix
        let name: String

        func check(_ map: Plane, _ key: String) throws {
            let error = relativeError(map.values, try golden.floats("\(grid)/\(key)"))
            #expect(error <= TokenMapTests.tolerance, "\(name) \(grid) \(key): \(error)")
            // A map that is flat would fit anything.
            #expect(Set(map.values).count > 2, "\(name) \(grid) \(key)")
        }

        func similarity(_ features: TokenFeatures, _ key: String) throws {
            let pass = try ForwardPass(engine: try Engine(model: model), threads: 2)
            let (vectors, _) = try features.run(pass, input)
            let query =
                model.configuration.specialTokens + TokenMapTests.query.row * input.columns
                + TokenMapTests.query.column
            let map = vectors.cosines(with: vectors[query])
            try check(map, key)
            #expect(abs(map[TokenMapTests.query.row, TokenMapTests.query.column] - 1) < 1e-6)
        }

        func foreground() throws {
            let c = model.configuration
            let result = try ForwardPass(model: model).run(input, ForegroundFitter.request(of: c))
            var fitter = try ForegroundFitter(width: c.width)
            fitter.add(result, rows: input.rows, columns: input.columns)
            let basis = try #require(fitter.fit())
            let component = basis.coordinates(
                tokens: result.tokens, rows: input.rows, columns: input.columns)
            try check(component, "foreground.component")
            let mask = ForegroundBasis.mask(of: component).values
            #expect(
                mask == (try golden.floats("\(grid)/foreground.component")).map { $0 > 0 ? 1 : 0 })
            #expect(Set(mask) == [0, 1])
            let selected = basis.selected(result.tokens, rows: input.rows, columns: input.columns)
            #expect(selected.count == mask.count { $0 == 1 } * c.width)
        }

        func classMaps(_ target: GradientTarget, stripRows: Int) throws {
            let depth = model.configuration.depth
            for (blocks, key) in [(0..<depth, "relevance"), (depth - 1..<depth, "relevance.last")] {
                let mapper = Relevance(model: model, blocks: blocks, stripRows: stripRows)
                // Twice over: nothing may be left of the picture before.
                for _ in 0..<2 {
                    try check(try mapper.run(input, target: target).map, key)
                }
            }
            let pooling = Classifier(ownOf: model)?.pooling ?? .classToken
            #expect((golden["\(grid)/gradcam"] != nil) == (pooling == .classToken))
            guard pooling == .classToken else { return }
            let mapper = AttentionGradCAM(model: model, block: depth - 1, stripRows: stripRows)
            let map = try mapper.run(input, target: target).map
            let error = relativeError(map.values, try golden.floats("\(grid)/gradcam"))
            #expect(error <= TokenMapTests.tolerance, "\(name) \(grid) gradcam: \(error)")
        }
    }

    @Test(arguments: Golden.names, ["native", "square", "wide"])
    func tinyModels(name: String, grid: String) throws {
        let golden = try Golden(name)
        let c = golden.model.configuration
        let comparison = Comparison(
            golden: try Checkpoint.open(Golden.path(name, "maps")), model: golden.model, grid: grid,
            input: try golden.input(grid), name: name)
        try comparison.similarity(TokenFeatures(.token, block: nil, of: c), "similarity")
        try comparison.similarity(TokenFeatures(.token, block: 0, of: c), "similarity.block.0")
        try comparison.similarity(TokenFeatures(.query, block: nil, of: c), "similarity.q")
        try comparison.similarity(TokenFeatures(.key, block: c.depth - 1, of: c), "similarity.k")
        try comparison.similarity(TokenFeatures(.value, block: nil, of: c), "similarity.v")
        try comparison.foreground()

        let gradients = try golden.gradients()
        let width = golden.config.width
        let target: GradientTarget =
            golden.config.classes > 0
            ? .logit(Self.target)
            : .classToken(
                Array(try gradients.floats("head.weight")[Self.target * width..<(Self.target + 1) * width]))
        // Strips of 5 rows do not divide the tokens; 64 hold them all.
        for rows in [5, 64] { try comparison.classMaps(target, stripRows: rows) }
    }

    @Test(arguments: cases, ["native", "wide"]) func families(_ item: Case, grid: String) throws {
        let told = ModelFacts(
            family: item.family, heads: item.heads, positionInterpolation: item.rule)
        let model = try Model.load(Fixtures.golden(item.path).path, told: told)
        let c = model.configuration
        let expected = try Checkpoint.open(
            Fixtures.golden("\(item.golden).expected.safetensors").path)
        let shape = try #require(expected["\(grid)/input"]).shape
        // A model of grey pictures is given colored ones.
        let planes = try expected.floats("\(grid)/input")
        let input = Preprocessor(configuration: c, resolution: .native).patches(
            ofPlanes: shape[0] == 1 ? planes + planes + planes : planes, rows: shape[1] / c.patchSize,
            columns: shape[2] / c.patchSize)
        let comparison = Comparison(
            golden: try Checkpoint.open(Fixtures.golden("\(item.golden).maps.safetensors").path),
            model: model, grid: grid, input: input, name: item.path)
        if c.hasFinalNorm {
            try comparison.similarity(TokenFeatures(.token, block: nil, of: c), "similarity")
            try comparison.foreground()
        }
        #expect((comparison.golden["\(grid)/relevance"] != nil) == (c.classes > 0))
        if c.classes > 0 { try comparison.classMaps(.logit(Self.target), stripRows: 7) }
    }

    /// Lengths, and vectors without any.
    @Test func cosinesOfNothing() {
        let vectors = TokenVectors(
            values: [9, 9, 3, 4, 0, 0, -3, -4, 4, -3], width: 2, specialTokens: 1, rows: 2, columns: 2)
        #expect(vectors.norms().values == [5, 0, 5, 5])
        #expect(vectors.cosines(with: [6, 8]).values == [1, 0, -1, 0])
        #expect(vectors.cosines(with: [0, 0]).values == [0, 0, 0, 0])
        #expect(Array(vectors[0]) == [9, 9] && Array(vectors.patches) == [3, 4, 0, 0, -3, -4, 4, -3])
    }

    /// The published DINOv2 ViT-S/14 on a real frame.
    @Test func realWeights() throws {
        let model = try ModelCache.standard().load(ModelZoo.entry(named: "dinov2_vits14"))
        let c = model.configuration
        let image = try StillImage.read(Fixtures.media("frames/wide.png").path)
        let comparison = Comparison(
            golden: try Checkpoint.open(Fixtures.golden("real/dinov2_vits14_maps.safetensors").path),
            model: model, grid: "wide",
            input: try Preprocessor(configuration: c, resolution: .native).patches(of: image), name: "real")
        try comparison.similarity(TokenFeatures(.token, block: nil, of: c), "similarity")
        try comparison.similarity(TokenFeatures(.key, block: nil, of: c), "similarity.k")
        try comparison.foreground()
        let (vectors, _) = try TokenFeatures(.token, block: nil, of: c).run(
            ForwardPass(model: model), comparison.input)
        try comparison.check(vectors.norms(), "norms")
    }
}
