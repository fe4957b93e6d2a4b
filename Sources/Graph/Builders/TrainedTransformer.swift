import Base
import Files
import ViT

/// What `vitvideo train` makes where it is no plain Vision Transformer: with shifted patches, locality self-attention, heads of
/// any width, or a classifier of all tokens side by side. `TrainedShape` says what the parts are, and the table of
/// `ParameterLayout` in `Training` what their tensors are called.
struct TrainedTransformer {
    private var build: ModelBuilder
    private let shape: TrainedShape

    /// - Throws: `VitvideoError` where the weights are not those of such a model, or the picture has another size.
    static func graph(_ weights: GraphWeights, height: Int, width: Int) throws -> Graph {
        var model = try TrainedTransformer(weights, height: height, width: width)
        return try model.run()
    }

    private init(_ weights: GraphWeights, height: Int, width: Int) throws {
        build = try ModelBuilder(weights, height: height, width: width)
        shape = try TrainedShape(of: weights.checkpoint)
        guard height == shape.side, width == shape.side else {
            throw VitvideoError(
                .usage, cannot: "use", path: weights.checkpoint.path,
                reason: "it takes pictures of \(shape.side)×\(shape.side) alone, not of \(width)×\(height)")
        }
    }

    private mutating func run() throws -> Graph {
        build.graph.scope = "patch_embed"
        var x = try tokens(patches())
        for block in 0..<shape.depth { x = try self.block(x, "blocks.\(block)") }
        build.graph.scope = "head"
        build.graph.output = try build.linear(feature(x), "head")
        return build.graph
    }

    // MARK: Tokens

    /// 1 × patches × D.
    private mutating func patches() throws -> Value {
        let (grid, patch) = (shape.gridSide, shape.patchSize)
        let copies = try shape.moves.map {
            try build.graph.shift(build.graph.picture, by: [0, 0, $0.down, $0.right])
        }
        let apart = try build.graph.reshape(
            build.graph.concat(copies, axis: 1), [1, shape.channels, grid, patch, grid, patch])
        var x = try build.graph.reshape(
            build.graph.transpose(apart, [0, 2, 4, 1, 3, 5]), [1, shape.patches, shape.patchValues])
        if shape.tokenization == .shifted { x = try norm(x, "patch_embed.norm") }
        let weight = try build.parameter("patch_embed.proj.weight", [shape.width, shape.patchValues])
        return try build.graph.add(
            build.graph.matmul(x, transposed: weight), build.parameter("patch_embed.proj.bias", [shape.width])
        )
    }

    /// Class token, registers and patches, with their positions: 1 × tokens × D.
    private mutating func tokens(_ patches: Value) throws -> Value {
        let d = shape.width
        var tokens: [Value] = []
        let covered = shape.hasClassToken && shape.positionsCoverClassToken ? 1 : 0
        let table: Value
        switch shape.positions {
        case .learned: table = try build.parameter("pos_embed", [1, covered + shape.patches, d])
        case .sineCosine:
            table = try build.constant(
                [Float](repeating: 0, count: covered * d)
                    + PositionTable.sineCosine(rows: shape.gridSide, columns: shape.gridSide, width: d),
                [1, covered + shape.patches, d])
        }
        if shape.hasClassToken {
            let token = try build.classTokens("cls_token", width: d)
            tokens.append(
                covered > 0
                    ? try build.graph.add(token, build.graph.slice(table, axis: 1, from: 0, count: 1)) : token
            )
        }
        if shape.registers > 0 { tokens.append(try build.classTokens("register_tokens", width: d)) }
        let ofPatches = try build.graph.slice(table, axis: 1, from: covered, count: shape.patches)
        tokens.append(try build.graph.add(patches, ofPatches))
        return try build.graph.concat(tokens, axis: 1)
    }

    // MARK: Blocks

    private mutating func block(_ x: Value, _ name: String) throws -> Value {
        build.graph.scope = name
        let attended = try attention(norm(x, name + ".norm1"), name + ".attn")
        let middle = try build.graph.add(x, scaled(attended, name + ".ls1"))
        var y = try build.feedForward(norm(middle, name + ".norm2"), name + ".mlp")
        if shape.activatesOutput { y = try build.graph.unary(.gelu, y) }
        return try build.graph.add(middle, scaled(y, name + ".ls2"))
    }

    private mutating func norm(_ x: Value, _ name: String) throws -> Value {
        try build.layerNorm(x, name, epsilon: shape.layerNormEpsilon)
    }

    private mutating func scaled(_ branch: Value, _ name: String) throws -> Value {
        guard shape.hasLayerScale else { return branch }
        return try build.graph.multiply(branch, build.parameter(name + ".gamma", [shape.width]))
    }

    private mutating func attention(_ x: Value, _ name: String) throws -> Value {
        let (q, k, v) = try build.queriesKeysValues(x, name + ".qkv", heads: shape.heads)
        let scores =
            switch shape.attention {
            case .plain: try build.scores(q, k)
            case .locality:
                try build.graph.matmul(q, transposed: k, scale: 1 / temperature(name + ".tau"))
            case .localityPerHead:
                try build.graph.multiply(
                    build.graph.matmul(q, transposed: k),
                    build.parameter(name + ".scale", [1, shape.heads, 1, 1]))
            }
        let attention = try build.graph.softmax(
            shape.attention.hasDiagonal ? scores : build.graph.add(scores, withoutDiagonal()))
        return try build.linear(build.weighted(v, by: attention), name + ".proj")
    }

    private func temperature(_ name: String) throws -> Float {
        let values = try build.weights.floats(name)
        guard values.count == 1 else { throw build.misshapen(name) }
        return values[0]
    }

    /// What keeps tokens from attending to themselves: far below any score on the diagonal, 1 × 1 × tokens × tokens.
    private mutating func withoutDiagonal() throws -> Value {
        let count = shape.tokens
        var mask = [Float](repeating: 0, count: count * count)
        for token in 0..<count { mask[token * count + token] = -1e9 }
        return try build.constant(mask, [1, 1, count, count])
    }

    // MARK: Classes

    /// What the classifier's last layer reads.
    private mutating func feature(_ x: Value) throws -> Value {
        switch shape.reading {
        case .classToken: return try build.graph.select(norm(x, "norm"), axis: 1, 0)
        case .meanPatch:
            let patches = try build.graph.slice(
                x, axis: 1, from: shape.prefixTokens, count: shape.patches)
            let mean = try build.graph.reshape(
                build.graph.reduce(.mean, patches, axes: [1]), [1, shape.width])
            return try norm(mean, "fc_norm")
        case .flattened(let hidden):
            var y = try build.graph.reshape(norm(x, "norm"), [1, shape.featureWidth])
            for index in hidden.indices {
                y = try build.graph.unary(.gelu, build.linear(y, "head_mlp.\(index)"))
            }
            return y
        }
    }
}
