import Base

/// What both versions of Swin Transformer have in common: stages of blocks that attend within windows, shifted in every
/// other block; four patches become one from stage to stage.
protocol SwinStages {
    var build: ModelBuilder { get set }

    /// x + what a block makes of it, 1 × rows × columns × channels.
    mutating func block(_ x: Value, _ name: String, stage: Int, isShifted: Bool) throws -> Value

    /// Four neighbors' channels, which lie one after the other, by a layer half as many.
    mutating func reduced(_ neighbors: Value, _ name: String) throws -> Value
}

extension SwinStages {
    /// Of LayerNorm.
    static var epsilon: Float { 1e-5 }

    /// - Throws: `VitvideoError` where the weights are not those of such a model.
    mutating func run() throws -> Graph {
        // timm merges at the beginning of a stage since 0.9, before and in the original at the end of the one before.
        let isOld = build.weights.has("layers.0.downsample.reduction.weight")
        let stages = build.weights.count("layers")
        var x = try embed()
        for stage in 0..<stages {
            if !isOld, stage > 0 { x = try merge(x, "layers.\(stage).downsample") }
            for block in 0..<build.weights.count("layers.\(stage).blocks") {
                x = try self.block(
                    x, "layers.\(stage).blocks.\(block)", stage: stage, isShifted: block % 2 == 1)
            }
            if isOld, stage < stages - 1 { x = try merge(x, "layers.\(stage).downsample") }
        }
        build.graph.scope = "head"
        x = try build.layerNorm(x, "norm", epsilon: Self.epsilon)
        let s = build.sizes(x)
        x = try build.pooled(build.graph.reshape(x, [1, s[1] * s[2], s[3]]), prefix: 0, .mean)
        build.graph.output = try build.classes(x)
        return build.graph
    }

    /// The picture as 1 × rows × columns × channels.
    private mutating func embed() throws -> Value {
        build.graph.scope = "patch_embed"
        let (s, patch) = (build.sizes(build.graph.picture), try build.kernel("patch_embed.proj"))
        // What is left of the picture beyond the last whole patch is filled up.
        let padded = try build.graph.pad(
            build.graph.picture, before: [0, 0, 0, 0],
            after: [
                0, 0, (patch.rows - s[2] % patch.rows) % patch.rows,
                (patch.columns - s[3] % patch.columns) % patch.columns,
            ])
        let x = try build.graph.transpose(build.patches(padded, "patch_embed.proj"), [0, 2, 3, 1])
        return build.weights.hasLayer("patch_embed.norm")
            ? try build.layerNorm(x, "patch_embed.norm", epsilon: Self.epsilon) : x
    }

    private mutating func merge(_ x: Value, _ name: String) throws -> Value {
        build.graph.scope = name
        let s = build.sizes(x)
        let even = try build.graph.pad(x, before: [0, 0, 0, 0], after: [0, s[1] % 2, s[2] % 2, 0])
        let (rows, columns) = ((s[1] + 1) / 2, (s[2] + 1) / 2)
        let apart = try build.graph.reshape(even, [1, rows, 2, columns, 2, s[3]])
        // (0,0), (1,0), (0,1), (1,1): the column is the slower one.
        let together = try build.graph.reshape(
            build.graph.transpose(apart, [0, 1, 3, 4, 2, 5]), [1, rows, columns, 4 * s[3]])
        return try reduced(together, name)
    }

    /// A stage's windows, no larger than its grid.
    func windows(_ x: Value, _ window: (rows: Int, columns: Int), isShifted: Bool) throws -> Windows {
        let s = build.sizes(x)
        return try Windows(
            rows: s[1], columns: s[2], window: (min(window.rows, s[1]), min(window.columns, s[2])),
            shift: isShifted ? (window.rows / 2, window.columns / 2) : (0, 0))
    }

    /// Softmax of scores with a bias, and what was moved together kept apart; then values, the last layer, and the windows
    /// put together again.
    mutating func attend(
        _ scores: Value, bias: Value, _ v: Value, _ name: String, _ windows: Windows
    ) throws -> Value {
        var scores = try build.graph.add(scores, bias)
        if let mask = try windows.mask(&build.graph) { scores = try build.graph.add(scores, mask) }
        let values = try build.weighted(v, by: build.graph.softmax(scores))
        return try windows.join(build.linear(values, name + ".proj"), &build.graph)
    }
}
