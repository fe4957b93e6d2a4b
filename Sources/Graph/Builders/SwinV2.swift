import Base
import Glibc

/// Swin Transformer V2 (Liu et al. 2022, arXiv 2111.09883): attention by the cosine of queries and keys, a bias that a small
/// network makes of the logarithm of an offset, and norms at the end of a block's branches.
struct SwinV2: SwinStages {
    var build: ModelBuilder
    private let windows: [SwinV2Window]

    /// - Throws: `VitvideoError` where the weights are not those of such a model, or nothing tells its windows.
    static func graph(_ weights: GraphWeights, height: Int, width: Int) throws -> Graph {
        var model = try SwinV2(
            build: ModelBuilder(weights, height: height, width: width), windows: SwinV2Window.all(weights))
        return try model.run()
    }

    mutating func block(_ x: Value, _ name: String, stage: Int, isShifted: Bool) throws -> Value {
        build.graph.scope = name
        let values = try attention(x, name + ".attn", windows[stage], isShifted: isShifted)
        let attended = try build.graph.add(
            x, build.layerNorm(values, name + ".norm1", epsilon: Self.epsilon))
        let hidden = try build.feedForward(attended, name + ".mlp")
        return try build.graph.add(
            attended, build.layerNorm(hidden, name + ".norm2", epsilon: Self.epsilon))
    }

    /// Softmax of τ·cos(q, k) + bias, with τ for each head, 100 at most.
    private mutating func attention(
        _ x: Value, _ name: String, _ stage: SwinV2Window, isShifted: Bool
    ) throws -> Value {
        let windows = try windows(x, stage.window, isShifted: isShifted)
        let cut = try windows.cut(x, &build.graph)
        let temperature = try build.parameter(name + ".logit_scale")
        guard build.sizes(temperature).count == 3, build.sizes(temperature)[1...] == [1, 1] else {
            throw build.misshapen(name + ".logit_scale")
        }
        let heads = build.sizes(temperature)[0]
        let all = try build.linear(cut, name + ".qkv", bias: queriesAndValuesBias(name))
        let parts = try build.split(all, name + ".qkv", parts: 3, heads: heads)
        let scale = try build.graph.unary(
            .exponential, build.graph.unary(.clip(-.infinity, logf(100)), temperature))
        let q = try build.graph.multiply(normalized(parts[0]), scale)
        let scores = try build.graph.matmul(q, transposed: normalized(parts[1]))
        return try attend(
            scores, bias: bias(name, heads: heads, windows, stage), parts[2], name, windows)
    }

    /// Keys have no bias; nil where queries and values have none either.
    private mutating func queriesAndValuesBias(_ name: String) throws -> Value? {
        guard build.weights.hasAny(endingIn: ".q_bias") else { return nil }
        let (q, v) = (
            try build.weights.floats(name + ".q_bias"), try build.weights.floats(name + ".v_bias")
        )
        let width = try build.weights.sizes(of: name + ".qkv.weight").first
        guard 3 * q.count == width, 3 * v.count == width else { throw build.misshapen(name + ".q_bias") }
        let all = q + [Float](repeating: 0, count: q.count) + v
        return try build.constant(all, [all.count])
    }

    /// x / max(‖x‖, 10⁻¹²) over the last axis.
    private mutating func normalized(_ x: Value) throws -> Value {
        let length = try build.graph.reduce(.norm, x, axes: [-1])
        let least = try build.constant([1e-12], [])
        return try build.graph.binary(.divide, x, build.graph.binary(.maximum, length, least))
    }

    /// 16·σ(MLP(log-spaced offset)), what a query adds for a key by where it lies from it.
    private mutating func bias(
        _ name: String, heads: Int, _ windows: Windows, _ stage: SwinV2Window
    ) throws -> Value {
        let reach = (rows: windows.window.rows - 1, columns: windows.window.columns - 1)
        let full = stage.pretrained ?? windows.window
        func spaced(_ offset: Int, _ side: Int) -> Float {
            let share = 8 * Float(offset) / Float(max(side - 1, 1))
            return (share < 0 ? -1 : 1) * log2f(abs(share) + 1) / 3
        }
        var offsets: [Float] = []
        for row in -reach.rows...reach.rows {
            for column in -reach.columns...reach.columns {
                offsets += [spaced(row, full.rows), spaced(column, full.columns)]
            }
        }
        let x = try build.constant(offsets, [offsets.count / 2, 2])
        let hidden = try build.graph.unary(.relu, build.linear(x, name + ".cpb_mlp.0"))
        let shares = try build.graph.unary(
            .sigmoid, build.linear(hidden, name + ".cpb_mlp.2", hasBias: false))
        let table = try build.graph.multiply(shares, by: 16)
        guard let values = build.graph.parameter(table), build.sizes(table)[1] == heads else {
            throw build.misshapen(name + ".cpb_mlp.2.weight")
        }
        return try windows.bias(values, heads: heads, reach: reach, &build.graph)
    }

    mutating func reduced(_ neighbors: Value, _ name: String) throws -> Value {
        try build.layerNorm(
            build.linear(neighbors, name + ".reduction", hasBias: false), name + ".norm",
            epsilon: Self.epsilon)
    }
}
