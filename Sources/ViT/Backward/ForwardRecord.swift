import Base
import CKernels

/// A plain 32-bit forward pass that keeps what the backward pass starts from: per block its input and the
/// residual stream between its two branches. Everything else is computed a second time, block by block.
final class ForwardRecord {
    /// Rows handled together in the feed-forward part.
    static let rowTile = 256

    let model: Model
    let blocks: [BlockWeights]
    let rows: Int
    let columns: Int
    let tokens: Int
    let rotation: Rotation?
    /// What `norm_pre` reads, `tokens × D`; empty for a model without.
    let embedded: FloatBuffer
    /// `depth + 1` times `tokens × D`: what goes into each block, and what comes out of the last.
    let residuals: FloatBuffer
    /// `depth` times `tokens × D`: the residual stream after the attention branch.
    let middles: FloatBuffer
    /// The attention of the block last loaded.
    let attention: BlockAttention

    private let c: Configuration
    private let product: MatrixProduct
    private let stripRows: Int
    private let strip: FloatBuffer
    private let attentionOutput: FloatBuffer
    private let hidden: FloatBuffer
    private let activated: FloatBuffer

    /// - Throws: `VitvideoError.mathLibraryMissing`, `VitvideoError` where the weights cannot be read.
    init(model: Model, rows: Int, columns: Int, stripRows: Int) throws {
        c = model.configuration
        self.model = model
        blocks = try model.blocks()
        (self.rows, self.columns) = (rows, columns)
        tokens = c.specialTokens + rows * columns
        rotation = model.rotation(rows: rows, columns: columns)
        self.stripRows = min(stripRows, tokens)
        product = try MatrixProduct()
        attention = try BlockAttention(configuration: c, tokens: tokens)
        embedded = FloatBuffer(c.normalizesBeforeBlocks ? tokens * c.width : 0)
        residuals = FloatBuffer((c.depth + 1) * tokens * c.width)
        middles = FloatBuffer(c.depth * tokens * c.width)
        strip = FloatBuffer(self.stripRows * tokens)
        attentionOutput = FloatBuffer(tokens * c.width)
        let tile = min(ForwardRecord.rowTile, tokens)
        hidden = FloatBuffer(tile * max(c.hiddenWidth, c.width))
        activated = FloatBuffer(tile * max(c.feedForwardWidth, c.width))
    }

    /// What goes into a block; for `depth` what comes out of the last.
    func residual(_ block: Int) -> UnsafeMutablePointer<Float> { residuals.start + block * tokens * c.width }

    /// The residual stream between a block's two branches.
    func middle(_ block: Int) -> UnsafeMutablePointer<Float> { middles.start + block * tokens * c.width }

    /// Loads a block into `attention`.
    func load(_ block: Int) { load(block, into: attention) }

    /// Loads a block into another one.
    func load(_ block: Int, into attention: BlockAttention) {
        attention.load(blocks[block].attentionInput, x: residual(block), rotation: rotation)
    }

    /// - Throws: `Cancellation.Cancelled`.
    func run(_ input: PatchMatrix) throws {
        embed(input)
        for block in 0..<c.depth {
            load(block)
            try attend(block)
            try feedForward(block)
        }
    }

    /// residual(0) = the embedding, through norm_pre where the model has it.
    private func embed(_ input: PatchMatrix) {
        let layer = model.weights.patchEmbedding
        let embedding = Embedding(model: model, rows: rows, columns: columns)
        embedding.run(into: c.normalizesBeforeBlocks ? embedded.start : residual(0)) { patches, positions in
            product(
                patches, stride: c.width, input.values, stride: c.patchValues, layer.weight,
                stride: c.patchValues, bTransposed: true, m: rows * columns, n: c.width, k: c.patchValues)
            vv_add_bias(patches, layer.bias, rows * columns, c.width)
            if let positions { vv_add_bias(patches, positions, 1, positions.count) }
        }
        embedding.normalize(embedded.start, into: residual(0))
    }

    /// middle = residual + ls₁ ⊙ (A·V · Wᵀ + b).
    private func attend(_ block: Int) throws {
        let d = c.width
        let weights = blocks[block]
        for firstRow in stride(from: 0, to: tokens, by: stripRows) {
            let count = min(stripRows, tokens - firstRow)
            for head in 0..<c.heads {
                try Cancellation.check()
                attention.attention(head: head, firstRow: firstRow, rows: count, into: strip.start)
                attention.qkv.output(
                    head: head, firstRow: firstRow, rows: count, of: strip.start,
                    into: attentionOutput.start, product)
            }
        }
        middle(block).update(from: residual(block), count: tokens * d)
        for start in stride(from: 0, to: tokens, by: ForwardRecord.rowTile) {
            addBranch(
                weights.proj, attentionOutput.start + start * d, scale: weights.ls1,
                to: middle(block) + start * d, rows: min(ForwardRecord.rowTile, tokens - start),
                through: hidden)
        }
    }

    /// The next residual = middle + ls₂ ⊙ W₂·act(W₁·LayerNorm(middle)).
    private func feedForward(_ block: Int) throws {
        let d = c.width
        let weights = blocks[block]
        let (norm, fc1) = (weights.norm2, weights.fc1)
        // The attention branch is done with this buffer.
        let normalized = attentionOutput
        vv_layer_norm(
            normalized.start, middle(block), norm.gamma, norm.beta, tokens, d, c.layerNormEpsilon)
        residual(block + 1).update(from: middle(block), count: tokens * d)
        for start in stride(from: 0, to: tokens, by: ForwardRecord.rowTile) {
            try Cancellation.check()
            let count = min(ForwardRecord.rowTile, tokens - start)
            product(
                hidden.start, stride: fc1.outputs, normalized.start + start * d, stride: d, fc1.weight,
                stride: d, bTransposed: true, m: count, n: fc1.outputs, k: d)
            c.activation.apply(
                activated.start, hidden.start, bias: fc1.bias, rows: count, width: c.feedForwardWidth)
            addBranch(
                weights.fc2, activated.start, scale: weights.ls2, to: residual(block + 1) + start * d,
                rows: count, through: hidden)
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
