import Base
import Glibc

/// ConViT (d'Ascoli et al. 2021, arXiv 2103.10697): blocks whose attention is mixed of content and position by a gate for each
/// head, without a class token, and ordinary ones with it.
struct ConViT {
    private var build: ModelBuilder
    private let heads: Int
    private static let epsilon: Float = 1e-6

    /// - Throws: `VitvideoError` where the weights are not those of such a model.
    static func graph(_ weights: GraphWeights, height: Int, width: Int) throws -> Graph {
        var model = try ConViT(weights, height: height, width: width)
        return try model.run()
    }

    /// The share of each head's attention that goes by place alone, σ(gate), of the first blocks, which have gates.
    ///
    /// - Throws: `VitvideoError` where a gate is damaged.
    static func shares(ofPlaceIn weights: GraphWeights) throws -> [[Float]] {
        try (0..<weights.count("blocks")).map { "blocks.\($0).attn" }
            .prefix { weights.has($0 + ".gating_param") }
            .map { try shares(ofPlaceIn: weights, $0) }
    }

    private static func shares(ofPlaceIn weights: GraphWeights, _ name: String) throws -> [Float] {
        try weights.floats(name + ".gating_param").map { 1 / (1 + expf(-$0)) }
    }

    private init(_ weights: GraphWeights, height: Int, width: Int) throws {
        build = try ModelBuilder(weights, height: height, width: width)
        let gates = try weights.sizes(of: "blocks.0.attn.gating_param")
        guard gates.count == 1 else { throw build.misshapen("blocks.0.attn.gating_param") }
        heads = gates[0]
    }

    private mutating func run() throws -> Graph {
        build.graph.scope = "patch_embed"
        let embedded = try build.patches(build.graph.picture, "patch_embed.proj")
        let grid = (rows: build.sizes(embedded)[2], columns: build.sizes(embedded)[3])
        // Only a constructor that is told so leaves it out.
        var x =
            build.weights.argument("use_pos_embed")?.bool ?? true
            ? try build.addPositions(
                toTokensOf: embedded, "pos_embed", patch: build.kernel("patch_embed.proj"))
            : try build.tokens(embedded)
        var isLocal = true
        for block in 0..<build.weights.count("blocks") {
            let name = "blocks.\(block)"
            if isLocal, !build.weights.has(name + ".attn.gating_param") {
                isLocal = false
                let token = try build.classTokens("cls_token", width: build.sizes(x)[2])
                x = try build.graph.concat([token, x], axis: 1)
            }
            x = try self.block(x, name, isLocal ? grid : nil)
        }
        build.graph.scope = "head"
        x = try build.layerNorm(x, "norm", epsilon: Self.epsilon)
        build.graph.output = try build.classes(build.pooled(x, prefix: isLocal ? 0 : 1, .token))
        return build.graph
    }

    /// - Parameter grid: the patches', where attention is mixed.
    private mutating func block(_ x: Value, _ name: String, _ grid: (rows: Int, columns: Int)?) throws
        -> Value
    {
        build.graph.scope = name
        let normed = try build.layerNorm(x, name + ".norm1", epsilon: Self.epsilon)
        let values =
            try grid.map { try gatedAttention(normed, name + ".attn", rows: $0.rows, columns: $0.columns) }
            ?? attention(normed, name + ".attn")
        let attended = try build.graph.add(x, build.linear(values, name + ".attn.proj"))
        return try build.residualFeedForward(attended, name, epsilon: Self.epsilon)
    }

    private mutating func attention(_ x: Value, _ name: String) throws -> Value {
        let (q, k, v) = try build.queriesKeysValues(x, name + ".qkv", heads: heads)
        return try build.weighted(v, by: build.graph.softmax(build.scores(q, k)))
    }

    /// (1 − σ(gate))·softmax(content) + σ(gate)·softmax(position), divided by its sum.
    private mutating func gatedAttention(
        _ x: Value, _ name: String, rows: Int, columns: Int
    ) throws -> Value {
        let qk = try build.split(x, by: name + ".qk", parts: 2, heads: heads)
        let v = try build.split(x, by: name + ".v", parts: 1, heads: heads)[0]
        let content = try build.graph.softmax(build.scores(qk[0], qk[1]))
        let shares = try Self.shares(ofPlaceIn: build.weights, name)
        guard shares.count == heads else { throw build.misshapen(name + ".gating_param") }
        let ofContent = try build.constant(shares.map { 1 - $0 }, [heads, 1, 1])
        let ofPosition = try position(name, shares: shares, rows: rows, columns: columns)
        let mixed = try build.graph.add(build.graph.multiply(content, ofContent), ofPosition)
        let sum = try build.graph.reduce(.sum, mixed, axes: [-1])
        return try build.weighted(v, by: build.graph.binary(.divide, mixed, sum))
    }

    /// σ(gate)·softmax(w·(Δcolumn, Δrow, distance²)), offsets from query to key: heads × N × N. No picture changes it. The layer's
    /// bias, the same for all keys, leaves a softmax as it is.
    private mutating func position(_ name: String, shares: [Float], rows: Int, columns: Int) throws -> Value {
        let count = rows * columns
        guard try build.weights.sizes(of: name + ".pos_proj.weight") == [heads, 3] else {
            throw build.misshapen(name + ".pos_proj.weight")
        }
        let weights = try build.weights.floats(name + ".pos_proj.weight")
        var values: [Float] = []
        values.reserveCapacity(heads * count * count)
        for (head, share) in shares.enumerated() {
            let w = Array(weights[3 * head..<3 * head + 3])
            for query in 0..<count {
                let scores = (0..<count).map { key in
                    let across = Float(key % columns - query % columns)
                    let down = Float(key / columns - query / columns)
                    return w[0] * across + w[1] * down + w[2] * (across * across + down * down)
                }
                let largest = scores.max() ?? 0
                let parts = scores.map { expf($0 - largest) }
                let factor = share / parts.reduce(0, +)
                for part in parts { values.append(factor * part) }
            }
        }
        return try build.constant(values, [heads, count, count])
    }
}
