import Base
import Files

/// Swin Transformer (Liu et al. 2021, arXiv 2103.14030): attention within windows that are shifted in every other block;
/// four patches become one from stage to stage.
struct Swin {
    private var build: ModelBuilder
    private let heads: [Int]
    private let window: Int
    private let isOld: Bool
    private static let epsilon: Float = 1e-5

    /// - Throws: `VitvideoError` where the weights are not those of such a model.
    static func graph(_ weights: GraphWeights, height: Int, width: Int) throws -> Graph {
        var model = try Swin(weights, height: height, width: width)
        return try model.run()
    }

    private init(_ weights: GraphWeights, height: Int, width: Int) throws {
        build = try ModelBuilder(weights, height: height, width: width)
        let stages = weights.count("layers")
        var heads: [Int] = []
        for stage in 0..<stages {
            let table = try weights.sizes(
                of: "layers.\(stage).blocks.0.attn.relative_position_bias_table")
            guard table.count == 2 else { throw build.misshapen("the bias table") }
            heads.append(table[1])
        }
        self.heads = heads
        // (2w − 1)² rows, of the first stage: later ones may have smaller windows.
        let rows = try weights.sizes(of: "layers.0.blocks.0.attn.relative_position_bias_table")[0]
        window = (Int(Double(rows).squareRoot().rounded()) + 1) / 2
        guard (2 * window - 1) * (2 * window - 1) == rows else { throw build.misshapen("the bias table") }
        // timm merges at the beginning of a stage since 0.9, before at the end of the one before.
        isOld = weights.has("layers.0.downsample.reduction.weight")
    }

    private mutating func run() throws -> Graph {
        let patch = try build.weights.sizes(of: "patch_embed.proj.weight").last ?? 4
        var x = try embed(patch)
        for stage in heads.indices {
            if !isOld, stage > 0 { x = try merge(x, "layers.\(stage).downsample") }
            for block in 0..<build.weights.count("layers.\(stage).blocks") {
                x = try self.block(
                    x, "layers.\(stage).blocks.\(block)", heads: heads[stage], isShifted: block % 2 == 1)
            }
            if isOld, build.weights.has("layers.\(stage).downsample.reduction.weight") {
                x = try merge(x, "layers.\(stage).downsample")
            }
        }
        build.graph.scope = "head"
        x = try build.layerNorm(x, "norm", epsilon: Self.epsilon)
        let s = build.sizes(x)
        let mean = try build.graph.reduce(.mean, x, axes: [1, 2])
        x = try build.graph.reshape(mean, [1, s[3]])
        for head in ["head.fc", "head"] where build.weights.has(head + ".weight") {
            x = try build.linear(x, head)
        }
        build.graph.output = x
        return build.graph
    }

    /// The picture as 1 × rows × columns × channels.
    private mutating func embed(_ patch: Int) throws -> Value {
        build.graph.scope = "patch_embed"
        let s = build.sizes(build.graph.picture)
        // What is left of the picture beyond the last whole patch is filled up.
        let padded = try build.graph.pad(
            build.graph.picture, before: [0, 0, 0, 0],
            after: [0, 0, (patch - s[2] % patch) % patch, (patch - s[3] % patch) % patch])
        let x = try build.convolution(padded, "patch_embed.proj", stride: patch)
        let last = try build.graph.transpose(x, [0, 2, 3, 1])
        return build.weights.has("patch_embed.norm.weight")
            ? try build.layerNorm(last, "patch_embed.norm", epsilon: Self.epsilon) : last
    }

    private mutating func block(_ x: Value, _ name: String, heads: Int, isShifted: Bool) throws -> Value {
        build.graph.scope = name
        let normed = try build.layerNorm(x, name + ".norm1", epsilon: Self.epsilon)
        let attended = try build.graph.add(
            x, attention(normed, name + ".attn", heads: heads, isShifted: isShifted))
        let again = try build.layerNorm(attended, name + ".norm2", epsilon: Self.epsilon)
        return try build.graph.add(attended, build.feedForward(again, name + ".mlp"))
    }

    /// Roll, pad, cut into windows, attend, and all of it back.
    private mutating func attention(_ x: Value, _ name: String, heads: Int, isShifted: Bool) throws -> Value {
        let s = build.sizes(x)
        let windows = try Windows(
            rows: s[1], columns: s[2], window: (min(window, s[1]), min(window, s[2])),
            shift: isShifted ? window / 2 : 0)
        let cut = try windows.cut(x, &build.graph)
        let (q, k, v) = try build.queriesKeysValues(cut, name + ".qkv", heads: heads)
        let width = build.sizes(q)[3]
        var scores = try build.graph.matmul(q, transposed: k, scale: 1 / Float(width).squareRoot())
        scores = try build.graph.add(scores, bias(name, heads: heads, windows.window))
        if let mask = try windows.mask(&build.graph) { scores = try build.graph.add(scores, mask) }
        let values = try build.graph.matmul(build.graph.softmax(scores), v)
        let joined = try build.linear(build.joinHeads(values), name + ".proj")
        return try windows.join(joined, &build.graph)
    }

    /// What a query adds for a key by where it lies from it: heads × N × N.
    private mutating func bias(_ name: String, heads: Int, _ window: (Int, Int)) throws -> Value {
        let table = try build.parameter(name + ".relative_position_bias_table")
        let rows = build.sizes(table)[0]
        let rowSpan = Int(Double(rows).squareRoot().rounded())
        let own = (rowSpan + 1) / 2
        guard rowSpan * rowSpan == rows, window.0 <= own, window.1 <= own else {
            throw VitvideoError(
                .usage,
                reason:
                    "its bias tables are for windows of \(own)×\(own) patches, not \(window.0)×\(window.1)",
                nextStep: .advice("look at it at the size that it was trained at"))
        }
        let indices = Windows.offsets(window).map { ($0.rows + own - 1) * rowSpan + $0.columns + own - 1 }
        let count = window.0 * window.1
        let taken = try build.graph.reshape(build.graph.take(table, axis: 0, indices), [count, count, heads])
        return try build.graph.transpose(taken, [2, 0, 1])
    }

    /// Four neighbors' channels one after the other, normed, and by a layer half as many.
    private mutating func merge(_ x: Value, _ name: String) throws -> Value {
        build.graph.scope = name
        let s = build.sizes(x)
        let even = try build.graph.pad(x, before: [0, 0, 0, 0], after: [0, s[1] % 2, s[2] % 2, 0])
        let (rows, columns) = ((s[1] + 1) / 2, (s[2] + 1) / 2)
        let apart = try build.graph.reshape(even, [1, rows, 2, columns, 2, s[3]])
        // (0,0), (1,0), (0,1), (1,1): the column is the slower one.
        let together = try build.graph.reshape(
            build.graph.transpose(apart, [0, 1, 3, 4, 2, 5]), [1, rows, columns, 4 * s[3]])
        return try build.linear(
            build.layerNorm(together, name + ".norm", epsilon: Self.epsilon), name + ".reduction")
    }
}
