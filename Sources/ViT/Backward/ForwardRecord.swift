import CKernels

/// A plain 32-bit forward pass that keeps what the reverse pass starts from: per block its input and the
/// state between its two branches. All else is computed again, block by block.
final class ForwardRecord {
    /// Rows handled together in the feed-forward part.
    static let rowTile = 256

    let model: Model
    let blocks: [BlockWeights]
    let rows: Int
    let columns: Int
    let tokens: Int
    /// `depth + 1` times `tokens × D`: what goes into each block, and what comes out of the last.
    let states: FloatBuffer
    /// `depth` times `tokens × D`: the state after the attention branch.
    let middles: FloatBuffer
    /// The block turned to.
    let attention: BlockAttention

    private let c: Configuration
    private let product: MatrixProduct
    private let stripRows: Int
    private let strip: FloatBuffer
    private let joined: FloatBuffer
    private let hidden: FloatBuffer
    private let activated: FloatBuffer

    /// - Throws: `ModelError.mathLibraryMissing`, `CheckpointError` where the weights cannot be read.
    init(model: Model, rows: Int, columns: Int, stripRows: Int) throws {
        c = model.configuration
        self.model = model
        blocks = try model.blocks()
        (self.rows, self.columns) = (rows, columns)
        tokens = c.specialTokens + rows * columns
        self.stripRows = min(stripRows, tokens)
        product = try MatrixProduct()
        attention = try BlockAttention(configuration: c, tokens: tokens)
        states = FloatBuffer((c.depth + 1) * tokens * c.width)
        middles = FloatBuffer(c.depth * tokens * c.width)
        strip = FloatBuffer(self.stripRows * tokens)
        joined = FloatBuffer(tokens * c.width)
        let tile = min(ForwardRecord.rowTile, tokens)
        hidden = FloatBuffer(tile * max((c.feedForward == .swiglu ? 2 : 1) * c.feedForwardWidth, c.width))
        activated = FloatBuffer(tile * max(c.feedForwardWidth, c.width))
    }

    /// What goes into a block; for `depth` what comes out of the last.
    func state(_ block: Int) -> UnsafeMutablePointer<Float> { states.start + block * tokens * c.width }

    func middle(_ block: Int) -> UnsafeMutablePointer<Float> { middles.start + block * tokens * c.width }

    /// Turns `attention` to a block.
    func load(_ block: Int) { load(block, into: attention) }

    /// Turns another one to a block.
    func load(_ block: Int, into attention: BlockAttention) {
        attention.load(blocks[block].norm1, blocks[block].queryKeyValue, input: state(block))
    }

    func run(_ input: PatchMatrix) {
        embed(input)
        for block in 0..<c.depth {
            load(block)
            attend(block)
            feedForward(block)
        }
    }

    /// state(0) = [special tokens; patches · Wᵀ + b + positions].
    private func embed(_ input: PatchMatrix) {
        let weights = model.weights
        state(0).update(from: weights.specialTokens, count: weights.specialTokens.count)
        let patches = state(0) + c.specialTokens * c.width
        product(
            patches, stride: c.width, input.values, stride: c.patchValues, weights.patchEmbedding.weight,
            stride: c.patchValues, bTransposed: true, m: rows * columns, n: c.width, k: c.patchValues)
        vv_add_bias(patches, weights.patchEmbedding.bias, rows * columns, c.width)
        let positions = model.patchPositions(rows: rows, columns: columns)
        vv_add_bias(patches, positions, 1, positions.count)
    }

    /// middle = state + scale₁ ⊙ (A·V · Wᵀ + b).
    private func attend(_ block: Int) {
        let d = c.width
        let weights = blocks[block]
        for firstRow in stride(from: 0, to: tokens, by: stripRows) {
            let count = min(stripRows, tokens - firstRow)
            for head in 0..<c.heads {
                attention.attention(head: head, firstRow: firstRow, rows: count, into: strip.start)
                product(
                    joined.start + firstRow * d + head * c.headWidth, stride: d, strip.start, stride: tokens,
                    attention.queries(head: head) + 2 * d, stride: 3 * d, bTransposed: false, m: count,
                    n: c.headWidth, k: tokens)
            }
        }
        middle(block).update(from: state(block), count: tokens * d)
        for start in stride(from: 0, to: tokens, by: ForwardRecord.rowTile) {
            addBranch(
                weights.projection, joined.start + start * d, scale: weights.scale1,
                to: middle(block) + start * d, rows: min(ForwardRecord.rowTile, tokens - start),
                through: hidden)
        }
    }

    /// The next state = middle + scale₂ ⊙ W₂·act(W₁·LayerNorm(middle)).
    private func feedForward(_ block: Int) {
        let d = c.width
        let weights = blocks[block]
        let (norm, expand) = (weights.norm2, weights.expand)
        vv_layer_norm(joined.start, middle(block), norm.gamma, norm.beta, tokens, d, c.layerNormEpsilon)
        state(block + 1).update(from: middle(block), count: tokens * d)
        for start in stride(from: 0, to: tokens, by: ForwardRecord.rowTile) {
            let count = min(ForwardRecord.rowTile, tokens - start)
            product(
                hidden.start, stride: expand.outputs, joined.start + start * d, stride: d, expand.weight,
                stride: d, bTransposed: true, m: count, n: expand.outputs, k: d)
            var output = hidden.start
            switch c.feedForward {
            case .gelu:
                vv_bias_gelu(hidden.start, expand.bias, count, expand.outputs)
            case .swiglu:
                output = activated.start
                vv_bias_swiglu(output, hidden.start, expand.bias, count, c.feedForwardWidth)
            }
            addBranch(
                weights.contract, output, scale: weights.scale2, to: state(block + 1) + start * d,
                rows: count, through: c.feedForward == .gelu ? activated : hidden)
        }
    }

    /// residual += scale ⊙ (x · Wᵀ + b).
    private func addBranch(
        _ layer: Linear, _ x: UnsafePointer<Float>, scale: [Float]?, to residual: UnsafeMutablePointer<Float>,
        rows: Int, through branch: FloatBuffer
    ) {
        product(
            branch.start, stride: layer.outputs, x, stride: layer.inputs, layer.weight, stride: layer.inputs,
            bTransposed: true, m: rows, n: layer.outputs, k: layer.inputs)
        if let scale {
            vv_add_residual(residual, branch.start, layer.bias, scale, rows, layer.outputs)
        } else {
            vv_add_residual(residual, branch.start, layer.bias, nil, rows, layer.outputs)
        }
    }
}
