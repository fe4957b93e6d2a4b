import Base

/// Twins (Chu et al. 2021, arXiv 2104.13840): all patches look at a coarser grid of keys and values, in SVT by turns with
/// attention within windows; a convolution after each stage's first block tells positions.
struct Twins {
    private var build: ModelBuilder
    private let heads: [Int]
    /// Sides of the windows of each stage.
    private let windows: [Int]
    private static let epsilon: Float = 1e-6
    /// Of the norms after patches have been made, and keys and values been made fewer.
    private static let convolutionEpsilon: Float = 1e-5

    /// - Throws: `VitvideoError` where the weights are not those of such a model, or nothing tells its heads.
    static func graph(_ weights: GraphWeights, height: Int, width: Int) throws -> Graph {
        var model = try Twins(weights, height: height, width: width)
        return try model.run()
    }

    private init(_ weights: GraphWeights, height: Int, width: Int) throws {
        build = try ModelBuilder(weights, height: height, width: width)
        let stages = weights.count("blocks")
        guard stages > 0 else { throw build.misshapen("the list of its blocks") }
        heads = try Self.heads(weights, stages: stages, build)
        // 7 in all published models.
        windows = weights.integers("wss", count: stages) ?? [Int](repeating: 7, count: stages)
        guard windows.allSatisfy({ (1...Place.largestSide).contains($0) }) else {
            throw build.misshapen("a window")
        }
    }

    /// Heads of each stage, which no weight tells: what the constructor was told, else the published models' rule. Heads are
    /// 32 wide in SVT and 64 in PCPVT.
    private static func heads(_ weights: GraphWeights, stages: Int, _ build: ModelBuilder) throws -> [Int] {
        if let told = weights.integers("num_heads", count: stages) { return told }
        let each = weights.hasLayer("blocks.0.0.attn.qkv") ? 32 : 64
        return try (0..<stages).map { stage in
            let width = try weights.sizes(of: "blocks.\(stage).0.attn.proj.weight").first ?? 0
            guard width > 0, width % each == 0 else { throw build.untold("the number of its heads") }
            return width / each
        }
    }

    private mutating func run() throws -> Graph {
        var picture = build.graph.picture
        var x = picture
        for stage in heads.indices {
            build.graph.scope = "patch_embeds.\(stage)"
            let embedded = try build.patches(picture, "patch_embeds.\(stage).proj")
            let grid = (rows: build.sizes(embedded)[2], columns: build.sizes(embedded)[3])
            x = try build.layerNorm(
                build.tokens(embedded), "patch_embeds.\(stage).norm", epsilon: Self.convolutionEpsilon)
            for block in 0..<build.weights.count("blocks.\(stage)") {
                x = try self.block(x, "blocks.\(stage).\(block)", stage, grid)
                if block == 0 { x = try encodePositions(x, "pos_block.\(stage)", grid) }
            }
            picture = try build.picture(x, rows: grid.rows, columns: grid.columns)
        }
        build.graph.scope = "head"
        x = try build.layerNorm(x, "norm", epsilon: Self.epsilon)
        build.graph.output = try build.classes(build.pooled(x, prefix: 0, .mean))
        return build.graph
    }

    private mutating func block(
        _ x: Value, _ name: String, _ stage: Int, _ grid: (rows: Int, columns: Int)
    ) throws -> Value {
        build.graph.scope = name
        let normed = try build.layerNorm(x, name + ".norm1", epsilon: Self.epsilon)
        let isLocal = build.weights.hasLayer(name + ".attn.qkv")
        let values =
            isLocal
            ? try localAttention(normed, name + ".attn", stage, grid)
            : try globalAttention(normed, name + ".attn", stage, grid)
        let attended = try build.graph.add(x, build.linear(values, name + ".attn.proj"))
        return try build.residualFeedForward(attended, name, epsilon: Self.epsilon)
    }

    /// Within windows; what fills the last ones up is looked at, too.
    private mutating func localAttention(
        _ x: Value, _ name: String, _ stage: Int, _ grid: (rows: Int, columns: Int)
    ) throws -> Value {
        let s = build.sizes(x)
        let side = windows[stage]
        let windows = try Windows(rows: grid.rows, columns: grid.columns, window: (side, side))
        let cut = try windows.cut(
            build.graph.reshape(x, [1, grid.rows, grid.columns, s[2]]), &build.graph)
        let (q, k, v) = try build.queriesKeysValues(cut, name + ".qkv", heads: heads[stage])
        let values = try build.weighted(v, by: build.graph.softmax(build.scores(q, k)))
        return try build.graph.reshape(windows.join(values, &build.graph), s)
    }

    /// Of all to keys and values of a coarser grid, which a convolution makes where there is one.
    private mutating func globalAttention(
        _ x: Value, _ name: String, _ stage: Int, _ grid: (rows: Int, columns: Int)
    ) throws -> Value {
        let q = try build.split(x, by: name + ".q", parts: 1, heads: heads[stage])[0]
        var seen = x
        if build.weights.hasLayer(name + ".sr") {
            let picture = try build.picture(x, rows: grid.rows, columns: grid.columns)
            let coarse = try build.tokens(build.patches(picture, name + ".sr"))
            seen = try build.layerNorm(coarse, name + ".norm", epsilon: Self.convolutionEpsilon)
        }
        let kv = try build.split(seen, by: name + ".kv", parts: 2, heads: heads[stage])
        return try build.weighted(kv[1], by: build.graph.softmax(build.scores(q, kv[0])))
    }

    /// Each channel by itself over 3×3 patches, added.
    private mutating func encodePositions(
        _ x: Value, _ name: String, _ grid: (rows: Int, columns: Int)
    ) throws -> Value {
        build.graph.scope = name
        let picture = try build.picture(x, rows: grid.rows, columns: grid.columns)
        let near = try build.neighborhood(picture, name + ".proj.0")
        return try build.tokens(build.graph.add(near, picture))
    }
}
