import Base

/// Pooling-based Vision Transformer (Heo et al. 2021, arXiv 2103.16302): a plain transformer of class token and patches in
/// each of three stages, between which patches are pooled and channels doubled.
struct PiT {
    private var build: ModelBuilder
    private let heads: [Int]
    /// The class token, and the distillation token in some models.
    private let prefix: Int
    private let pools: Pools
    private static let epsilon: Float = 1e-6

    /// - Throws: `VitvideoError` where the weights are not those of such a model, or nothing tells its heads.
    static func graph(_ weights: GraphWeights, height: Int, width: Int) throws -> Graph {
        var model = try PiT(weights, height: height, width: width)
        return try model.run()
    }

    private init(_ weights: GraphWeights, height: Int, width: Int) throws {
        build = try ModelBuilder(weights, height: height, width: width)
        let token = try weights.sizes(of: "cls_token")
        guard token.count == 3 else { throw build.misshapen("cls_token") }
        prefix = token[1]
        pools = Pools(weights)
        heads = try Self.heads(weights, build)
    }

    /// Heads of each stage, which no weight tells: what the constructor was told, else the published models' rule. Heads are
    /// 32 wide in Ti, 48 in XS and S, 64 in B, which the first stage's width tells apart.
    private static func heads(_ weights: GraphWeights, _ build: ModelBuilder) throws -> [Int] {
        let stages = weights.count("transformers")
        if let told = weights.integers("heads", count: stages) { return told }
        let widths = try (0..<stages).map {
            try weights.sizes(of: "transformers.\($0).blocks.0.attn.proj.weight").first ?? 0
        }
        let published = [64: 32, 96: 48, 144: 48, 256: 64]
        let each =
            weights.integers("base_dims", count: stages)
            ?? published[widths[0]].map { [Int](repeating: $0, count: stages) }
        guard let each, zip(widths, each).allSatisfy({ $1 > 0 && $0 % $1 == 0 }) else {
            throw build.untold("the number of its heads")
        }
        return zip(widths, each).map { $0 / $1 }
    }

    private mutating func run() throws -> Graph {
        build.graph.scope = "patch_embed"
        let kernel = try build.kernel("patch_embed.conv")
        // Patches overlap by half, 16 of 8 and 14 of 7, where the constructor was not told otherwise.
        let told = build.weights.pair("stride").flatMap { $0.rows > 0 && $0.columns > 0 ? $0 : nil }
        let stride = told ?? (max(kernel.rows / 2, 1), max(kernel.columns / 2, 1))
        let embedded = try build.convolution(build.graph.picture, "patch_embed.conv", stride: stride)
        var x = try build.addPositions(toPicture: embedded, "pos_embed")
        var tokens = try build.classTokens("cls_token", width: build.sizes(x)[1])
        for stage in heads.indices {
            if stage > 0 { (x, tokens) = try pool(x, tokens, pools.name(before: stage)) }
            (x, tokens) = try transformer(x, tokens, stage)
        }
        build.graph.scope = "head"
        tokens = try build.layerNorm(tokens, "norm", epsilon: Self.epsilon)
        build.graph.output = try classes(tokens)
        return build.graph
    }

    /// A convolution that takes every second place, and a layer for the tokens that have none.
    private mutating func pool(_ x: Value, _ tokens: Value, _ name: String) throws -> (Value, Value) {
        build.graph.scope = name
        return (
            try build.convolution(x, name + ".conv", stride: (2, 2), isPadded: true),
            try build.linear(tokens, name + ".fc")
        )
    }

    private mutating func transformer(_ x: Value, _ tokens: Value, _ stage: Int) throws -> (Value, Value) {
        let s = build.sizes(x)
        var all = try build.graph.concat([tokens, build.tokens(x)], axis: 1)
        for block in 0..<build.weights.count("transformers.\(stage).blocks") {
            all = try self.block(all, "transformers.\(stage).blocks.\(block)", heads: heads[stage])
        }
        let patches = try build.graph.slice(all, axis: 1, from: prefix, count: s[2] * s[3])
        return (
            try build.picture(patches, rows: s[2], columns: s[3]),
            try build.graph.slice(all, axis: 1, from: 0, count: prefix)
        )
    }

    private mutating func block(_ x: Value, _ name: String, heads: Int) throws -> Value {
        build.graph.scope = name
        let normed = try build.layerNorm(x, name + ".norm1", epsilon: Self.epsilon)
        let (q, k, v) = try build.queriesKeysValues(normed, name + ".attn.qkv", heads: heads)
        let values = try build.weighted(v, by: build.graph.softmax(build.scores(q, k)))
        let attended = try build.graph.add(x, build.linear(values, name + ".attn.proj"))
        return try build.residualFeedForward(attended, name, epsilon: Self.epsilon)
    }

    /// By the class token; with a distillation token the mean of what both say.
    private mutating func classes(_ tokens: Value) throws -> Value {
        var own = try build.graph.select(tokens, axis: 1, 0)
        if prefix < 2 { return try build.classes(own) }
        var other = try build.graph.select(tokens, axis: 1, 1)
        if ["head", "head_dist"].contains(where: build.weights.hasLayer) {
            (own, other) = (try build.linear(own, "head"), try build.linear(other, "head_dist"))
        }
        guard build.sizes(own) == build.sizes(other) else { throw build.misshapen("head_dist.weight") }
        return try build.graph.multiply(build.graph.add(own, other), by: 0.5)
    }

    /// Where a file has the pooling between two stages: on its own in the original, at the end of the earlier stage in timm
    /// before 0.9, at the beginning of the later one since.
    private enum Pools {
        case apart, early, late

        init(_ weights: GraphWeights) {
            self =
                weights.has("pools.0.conv.weight")
                ? .apart : weights.has("transformers.0.pool.conv.weight") ? .early : .late
        }

        func name(before stage: Int) -> String {
            switch self {
            case .apart: "pools.\(stage - 1)"
            case .early: "transformers.\(stage - 1).pool"
            case .late: "transformers.\(stage).pool"
            }
        }
    }
}
