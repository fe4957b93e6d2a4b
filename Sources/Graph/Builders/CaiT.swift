import Base

/// CaiT (Touvron et al. 2021, arXiv 2103.17239): blocks of patches alone, whose heads are mixed before and after the softmax,
/// then blocks in which only the class token asks.
struct CaiT {
    private var build: ModelBuilder
    private let heads: Int
    private static let epsilon: Float = 1e-6

    /// - Throws: `VitvideoError` where the weights are not those of such a model.
    static func graph(_ weights: GraphWeights, height: Int, width: Int) throws -> Graph {
        var model = try CaiT(weights, height: height, width: width)
        return try model.run()
    }

    private init(_ weights: GraphWeights, height: Int, width: Int) throws {
        build = try ModelBuilder(weights, height: height, width: width)
        let mixture = try weights.sizes(of: "blocks.0.attn.proj_l.weight")
        guard mixture.count == 2 else { throw build.misshapen("blocks.0.attn.proj_l.weight") }
        heads = mixture[0]
    }

    private mutating func run() throws -> Graph {
        build.graph.scope = "patch_embed"
        var x = try build.addPositions(
            toTokensOf: build.patches(build.graph.picture, "patch_embed.proj"), "pos_embed",
            patch: build.kernel("patch_embed.proj"))
        for block in 0..<build.weights.count("blocks") { x = try self.block(x, "blocks.\(block)") }
        var token = try build.classTokens("cls_token", width: build.sizes(x)[2])
        for block in 0..<build.weights.count("blocks_token_only") {
            token = try classBlock(token, x, "blocks_token_only.\(block)")
        }
        build.graph.scope = "head"
        let all = try build.graph.concat([token, x], axis: 1)
        let normed = try build.layerNorm(all, "norm", epsilon: Self.epsilon)
        build.graph.output = try build.classes(build.pooled(normed, prefix: 1, .token))
        return build.graph
    }

    private mutating func block(_ x: Value, _ name: String) throws -> Value {
        build.graph.scope = name
        let normed = try build.layerNorm(x, name + ".norm1", epsilon: Self.epsilon)
        let attended = try addScaled(x, talkingHeads(normed, name + ".attn"), name + ".gamma_1")
        return try scaledFeedForward(attended, name)
    }

    /// The token asks, and it and the patches are asked.
    private mutating func classBlock(_ token: Value, _ x: Value, _ name: String) throws -> Value {
        build.graph.scope = name
        let all = try build.layerNorm(
            build.graph.concat([token, x], axis: 1), name + ".norm1", epsilon: Self.epsilon)
        let attended = try addScaled(token, classAttention(all, name + ".attn"), name + ".gamma_1")
        return try scaledFeedForward(attended, name)
    }

    private mutating func scaledFeedForward(_ x: Value, _ name: String) throws -> Value {
        let normed = try build.layerNorm(x, name + ".norm2", epsilon: Self.epsilon)
        return try addScaled(x, build.feedForward(normed, name + ".mlp"), name + ".gamma_2")
    }

    /// x + γ ⊙ branch.
    private mutating func addScaled(_ x: Value, _ branch: Value, _ name: String) throws -> Value {
        let gamma = try build.parameter(name)
        guard build.sizes(gamma) == [build.sizes(x)[2]] else { throw build.misshapen(name) }
        return try build.graph.add(x, build.graph.multiply(branch, gamma))
    }

    private mutating func talkingHeads(_ x: Value, _ name: String) throws -> Value {
        let (q, k, v) = try build.queriesKeysValues(x, name + ".qkv", heads: heads)
        let scores = try mixHeads(build.scores(q, k), name + ".proj_l")
        let attention = try mixHeads(build.graph.softmax(scores), name + ".proj_w")
        return try build.linear(build.weighted(v, by: attention), name + ".proj")
    }

    /// A layer over the heads of 1 × heads × queries × keys.
    private mutating func mixHeads(_ x: Value, _ name: String) throws -> Value {
        let headsLast = try build.graph.transpose(x, [0, 2, 3, 1])
        return try build.graph.transpose(build.linear(headsLast, name), [0, 3, 1, 2])
    }

    private mutating func classAttention(_ all: Value, _ name: String) throws -> Value {
        let token = try build.graph.slice(all, axis: 1, from: 0, count: 1)
        let q = try build.split(token, by: name + ".q", parts: 1, heads: heads)[0]
        let k = try build.split(all, by: name + ".k", parts: 1, heads: heads)[0]
        let v = try build.split(all, by: name + ".v", parts: 1, heads: heads)[0]
        let attention = try build.graph.softmax(build.scores(q, k))
        return try build.linear(build.weighted(v, by: attention), name + ".proj")
    }
}
