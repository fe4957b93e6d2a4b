import Base

/// Swin Transformer (Liu et al. 2021, arXiv 2103.14030): attention within windows that are shifted in every other block;
/// four patches become one from stage to stage.
struct Swin: SwinStages {
    var build: ModelBuilder
    /// Of all stages; tables of later ones may be for smaller windows, where their grid was smaller.
    private let window: Int

    /// - Throws: `VitvideoError` where the weights are not those of such a model.
    static func graph(_ weights: GraphWeights, height: Int, width: Int) throws -> Graph {
        var model = try Swin(weights, height: height, width: width)
        return try model.run()
    }

    private init(_ weights: GraphWeights, height: Int, width: Int) throws {
        build = try ModelBuilder(weights, height: height, width: width)
        window = try Self.table("layers.0.blocks.0.attn", build).window
    }

    /// (2·window − 1)² offsets × heads.
    private static func table(_ attention: String, _ build: ModelBuilder) throws -> (window: Int, heads: Int)
    {
        let name = attention + ".relative_position_bias_table"
        let sizes = try build.weights.sizes(of: name)
        let span = Int(Double(sizes.first ?? 0).squareRoot().rounded())
        guard sizes.count == 2, span % 2 == 1, span * span == sizes[0] else { throw build.misshapen(name) }
        return ((span + 1) / 2, sizes[1])
    }

    mutating func block(_ x: Value, _ name: String, stage: Int, isShifted: Bool) throws -> Value {
        build.graph.scope = name
        let normed = try build.layerNorm(x, name + ".norm1", epsilon: Self.epsilon)
        let attended = try build.graph.add(x, attention(normed, name + ".attn", isShifted: isShifted))
        return try build.residualFeedForward(attended, name, epsilon: Self.epsilon)
    }

    private mutating func attention(_ x: Value, _ name: String, isShifted: Bool) throws -> Value {
        let windows = try windows(x, (window, window), isShifted: isShifted)
        let cut = try windows.cut(x, &build.graph)
        let heads = try Self.table(name, build).heads
        let (q, k, v) = try build.queriesKeysValues(cut, name + ".qkv", heads: heads)
        return try attend(build.scores(q, k), bias: bias(name, windows), v, name, windows)
    }

    /// What a query adds for a key by where it lies from it.
    private mutating func bias(_ name: String, _ windows: Windows) throws -> Value {
        let (own, heads) = try Self.table(name, build)
        guard windows.window.rows <= own, windows.window.columns <= own else {
            throw VitvideoError(
                .usage, cannot: "use", path: build.weights.checkpoint.path,
                reason:
                    "its bias tables are for windows of \(own)×\(own) patches, not \(windows.window.rows)×\(windows.window.columns)",
                nextStep: .advice("look at it at the size that it was trained at"))
        }
        let table = try build.weights.floats(name + ".relative_position_bias_table")
        return try windows.bias(table, heads: heads, reach: (own - 1, own - 1), &build.graph)
    }

    mutating func reduced(_ neighbors: Value, _ name: String) throws -> Value {
        try build.linear(
            build.layerNorm(neighbors, name + ".norm", epsilon: Self.epsilon), name + ".reduction",
            hasBias: false)
    }
}
