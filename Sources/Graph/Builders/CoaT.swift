import Base

/// CoaT (Xu et al. 2021, arXiv 2104.06399): attention factorized into a softmax of keys over the tokens and two products, at
/// four scales one after the other; without `lite` in its name also at three of them side by side.
struct CoaT {
    private var build: ModelBuilder
    private let heads: Int
    private static let epsilon: Float = 1e-6
    /// Of the norms after patches have been made.
    private static let embeddingEpsilon: Float = 1e-5

    /// A class token and the patches of one scale, 1 × (1 + rows·columns) × C.
    private struct Tokens {
        var all: Value
        let rows: Int
        let columns: Int
    }

    /// - Throws: `VitvideoError` where the weights are not those of such a model, or its scales do not fit the picture.
    static func graph(_ weights: GraphWeights, height: Int, width: Int) throws -> Graph {
        var model = try CoaT(weights, height: height, width: width)
        return try model.run()
    }

    private init(_ weights: GraphWeights, height: Int, width: Int) throws {
        build = try ModelBuilder(weights, height: height, width: width)
        // 8 in all published models.
        heads = weights.argument("num_heads")?.integer ?? 8
    }

    private mutating func run() throws -> Graph {
        var picture = build.graph.picture
        var scales: [Tokens] = []
        for scale in 1...4 {
            var x = try embed(picture, scale)
            for block in 0..<build.weights.count("serial_blocks\(scale)") {
                x.all = try serialBlock(x, "serial_blocks\(scale).\(block)", scale)
            }
            picture = try self.picture(x)
            scales.append(x)
        }
        let depth = build.weights.count("parallel_blocks")
        if depth > 0 { try checkScales(scales) }
        for block in 0..<depth { try parallelBlock(&scales, "parallel_blocks.\(block)") }
        build.graph.scope = "head"
        build.graph.output = try build.classes(depth > 0 ? aggregated(scales) : features(scales[3], 4))
        return build.graph
    }

    private mutating func embed(_ picture: Value, _ scale: Int) throws -> Tokens {
        let name = "patch_embed\(scale)"
        build.graph.scope = name
        let embedded = try build.patches(picture, name + ".proj")
        let (rows, columns) = (build.sizes(embedded)[2], build.sizes(embedded)[3])
        let x = try build.layerNorm(
            build.tokens(embedded), name + ".norm", epsilon: Self.embeddingEpsilon)
        let token = try build.classTokens("cls_token\(scale)", width: build.sizes(x)[2])
        return Tokens(all: try build.graph.concat([token, x], axis: 1), rows: rows, columns: columns)
    }

    private mutating func serialBlock(_ x: Tokens, _ name: String, _ scale: Int) throws -> Value {
        build.graph.scope = name
        var x = x
        x.all = try encodePositions(x, scale)
        let normed = try build.layerNorm(x.all, name + ".norm1", epsilon: Self.epsilon)
        let attended = try build.graph.add(
            x.all, attention(normed, name + ".factoratt_crpe", x, scale))
        return try build.residualFeedForward(attended, name, epsilon: Self.epsilon)
    }

    /// The features of the second to fourth scale: each takes those of the others, brought to its size.
    private mutating func parallelBlock(_ scales: inout [Tokens], _ name: String) throws {
        let chosen = [1, 2, 3]
        for i in chosen {
            build.graph.scope = "cpe\(i + 1)"
            scales[i].all = try encodePositions(scales[i], i + 1)
        }
        var branches: [Tokens] = []
        for i in chosen {
            build.graph.scope = name + ".factoratt_crpe\(i + 1)"
            let normed = try build.layerNorm(scales[i].all, name + ".norm1\(i + 1)", epsilon: Self.epsilon)
            let values = try attention(normed, name + ".factoratt_crpe\(i + 1)", scales[i], i + 1)
            branches.append(Tokens(all: values, rows: scales[i].rows, columns: scales[i].columns))
        }
        build.graph.scope = name
        for (i, own) in zip(chosen, branches) {
            for branch in branches {
                scales[i].all = try build.graph.add(scales[i].all, resized(branch, like: own))
            }
            let normed = try build.layerNorm(scales[i].all, name + ".norm2\(i + 1)", epsilon: Self.epsilon)
            // One layer for all, of which a file may have one copy.
            let layer = shared((2...4).map { name + ".mlp\($0)" }, ".fc1.weight")
            scales[i].all = try build.graph.add(scales[i].all, build.feedForward(normed, layer))
        }
    }

    /// Patches at another scale's size, the class token as it is.
    private mutating func resized(_ x: Tokens, like other: Tokens) throws -> Value {
        if (x.rows, x.columns) == (other.rows, other.columns) { return x.all }
        let resized = try build.graph.bilinear(picture(x), rows: other.rows, columns: other.columns)
        return try join(x, build.tokens(resized))
    }

    /// Each scale's grid has to be twice the next one's.
    private func checkScales(_ scales: [Tokens]) throws {
        for (fine, coarse) in zip(scales[1...], scales[2...])
        where (fine.rows, fine.columns) != (2 * coarse.rows, 2 * coarse.columns) {
            let s = build.sizes(build.graph.picture)
            throw VitvideoError(
                .usage, cannot: "use", path: build.weights.checkpoint.path,
                reason:
                    "it puts grids of three sizes together, which those of a picture of \(s[3])×\(s[2]) do not fit",
                nextStep: .advice("let the sides be multiples of 32"))
        }
    }

    // MARK: Attention

    /// q·(softmax(k)ᵀ·v) / √width + what the neighborhood says, with softmax over the tokens.
    private mutating func attention(_ normed: Value, _ name: String, _ x: Tokens, _ scale: Int) throws
        -> Value
    {
        let (q, k, v) = try build.queriesKeysValues(normed, name + ".qkv", heads: heads)
        let s = build.sizes(q)
        let keys = try build.graph.softmax(build.graph.transpose(k, [0, 1, 3, 2]))
        let factor = try build.graph.matmul(keys, v)
        let all = try build.graph.multiply(
            build.graph.matmul(q, factor), by: 1 / Float(s[3]).squareRoot())
        let near = try neighborhood(q, v, x, name, scale)
        let joined = try build.graph.transpose(build.graph.add(all, near), [0, 2, 1, 3])
        return try build.linear(build.graph.reshape(joined, [s[0], s[2], s[1] * s[3]]), name + ".proj")
    }

    /// The convolutional relative position encoding: queries times values that are convolved, over wider windows in later
    /// heads; 0 for the class token.
    private mutating func neighborhood(
        _ q: Value, _ v: Value, _ x: Tokens, _ name: String, _ scale: Int
    ) throws -> Value {
        let s = build.sizes(q)
        let (heads, count, width) = (s[1], s[2] - 1, s[3])
        let list = shared(["crpe\(scale)", name + ".crpe"], ".conv_list.0.weight") + ".conv_list"
        let patches = try build.graph.slice(v, axis: 2, from: 1, count: count)
        let picture = try build.graph.reshape(
            build.graph.transpose(patches, [0, 1, 3, 2]), [1, heads * width, x.rows, x.columns])
        var (convolved, start) = ([Value](), 0)
        for window in 0..<build.weights.count(list) {
            let channels = try build.weights.sizes(of: "\(list).\(window).weight").first ?? 0
            guard start + channels <= heads * width else { throw build.misshapen(list) }
            let part = try build.graph.slice(picture, axis: 1, from: start, count: channels)
            convolved.append(try build.neighborhood(part, "\(list).\(window)"))
            start += channels
        }
        guard start == heads * width else { throw build.misshapen(list) }
        let together = try build.graph.reshape(
            build.graph.concat(convolved, axis: 1), [1, heads, width, count])
        let product = try build.graph.multiply(
            build.graph.slice(q, axis: 2, from: 1, count: count),
            build.graph.transpose(together, [0, 1, 3, 2]))
        return try build.graph.pad(product, before: [0, 0, 1, 0], after: [0, 0, 0, 0])
    }

    /// The convolutional position encoding: each channel by itself over 3×3 patches, added; the class token as it is.
    private mutating func encodePositions(_ x: Tokens, _ scale: Int) throws -> Value {
        let name = shared(["cpe\(scale)", "serial_blocks\(scale).0.cpe"], ".proj.weight")
        let picture = try picture(x)
        let near = try build.neighborhood(picture, name + ".proj")
        return try join(x, build.tokens(build.graph.add(near, picture)))
    }

    // MARK: Tokens

    private mutating func picture(_ x: Tokens) throws -> Value {
        let patches = try build.graph.slice(x.all, axis: 1, from: 1, count: x.rows * x.columns)
        return try build.picture(patches, rows: x.rows, columns: x.columns)
    }

    /// The class token of x before other patches.
    private mutating func join(_ x: Tokens, _ patches: Value) throws -> Value {
        try build.graph.concat([build.graph.slice(x.all, axis: 1, from: 0, count: 1), patches], axis: 1)
    }

    /// Under which of several names a file has a layer that blocks share.
    private func shared(_ names: [String], _ tensor: String) -> String {
        names.first { build.weights.has($0 + tensor) } ?? names[0]
    }

    // MARK: Classes

    private mutating func features(_ x: Tokens, _ scale: Int) throws -> Value {
        let normed = try build.layerNorm(x.all, "norm\(scale)", epsilon: Self.epsilon)
        return try build.pooled(normed, prefix: 1, .token)
    }

    /// A weighted sum of the last three scales' features.
    private mutating func aggregated(_ scales: [Tokens]) throws -> Value {
        let weight = try build.weights.floats("aggregate.weight")
        guard weight.count == 3 else { throw build.misshapen("aggregate.weight") }
        var sum = try build.parameter("aggregate.bias", [1, 1])
        for (i, factor) in zip(1...3, weight) {
            sum = try build.graph.add(build.graph.multiply(features(scales[i], i + 1), by: factor), sum)
        }
        return sum
    }
}
