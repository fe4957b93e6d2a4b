import Base
import CKernels

/// A plain 32-bit forward pass that keeps what the backward pass starts from: per block its input and the
/// residual stream between its two branches. Everything else is kept as well, or computed a second time, block by
/// block.
final class ForwardRecord {
    /// Rows handled together in the feed-forward part at most, whatever the library.
    static let rowTile = 256

    /// The last value that is computed.
    enum End: Hashable {
        /// What goes into a block; of `depth`, what comes out of the last.
        case input(of: Int)
        /// The residual stream between a block's two branches.
        case middle(of: Int)

        /// How many blocks are run whole.
        var wholeBlocks: Int {
            switch self {
            case .input(let block), .middle(let block): block
            }
        }

        /// How many blocks attend.
        var attendingBlocks: Int {
            switch self {
            case .input(let block): block
            case .middle(let block): block + 1
            }
        }
    }

    /// What is kept of the inside of a block.
    private struct Inside {
        let attention: BlockAttention
        /// What `Activation.applyKeeping` leaves, `tokens × hiddenWidth`.
        let hidden: FloatBuffer
    }

    let engine: GradientEngine
    let rows: Int
    let columns: Int
    let tokens: Int
    let end: End
    let positions: AttentionPositions
    /// What `norm_pre` reads, `tokens × D`; empty for a model without.
    let embedded: FloatBuffer
    /// `tokens × D` for each whole block and once more: what goes into each block, and what comes out of the last.
    let residuals: FloatBuffer
    /// `tokens × D` for each block that attends: the residual stream after the attention branch.
    private let middles: FloatBuffer
    /// Of each block that attends; nil where everything is computed again.
    private let insides: [Inside]?
    /// The attention of the block last loaded, where it is not kept.
    private let loaded: BlockAttention?

    private let c: Configuration
    private let product: MatrixProduct
    private let strips: RowTiles
    private let tiles: RowTiles
    private let strip: FloatBuffer
    private let attentionOutput: FloatBuffer
    private let branch: FloatBuffer
    private let hidden: FloatBuffer
    private let activated: FloatBuffer

    /// - Parameters:
    ///   - end: the last value to compute; nil for the last block's output.
    ///   - keepsInside: whether all that blocks compute is kept, so that the backward pass need not do it again.
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    init(
        engine: GradientEngine, rows: Int, columns: Int, stripRows: Int, end: End? = nil,
        keepsInside: Bool = false
    ) throws {
        let model = engine.model
        let c = model.configuration
        let end = end ?? .input(of: c.depth)
        let tokens = c.specialTokens + rows * columns
        self.c = c
        self.engine = engine
        (self.rows, self.columns, self.tokens, self.end) = (rows, columns, tokens, end)
        positions = model.attentionPositions(rows: rows, columns: columns)
        product = try MatrixProduct()
        embedded = FloatBuffer(c.normalizesBeforeBlocks ? tokens * c.width : 0)
        residuals = FloatBuffer((end.wholeBlocks + 1) * tokens * c.width)
        middles = FloatBuffer(end.attendingBlocks * tokens * c.width)
        if keepsInside {
            insides = try (0..<end.attendingBlocks).map { block in
                Inside(
                    attention: try BlockAttention(configuration: c, tokens: tokens, keepsMatrices: true),
                    hidden: FloatBuffer(
                        block < end.wholeBlocks && !c.normalizesHidden ? tokens * c.hiddenWidth : 0))
            }
            loaded = nil
        } else {
            insides = nil
            loaded = try BlockAttention(configuration: c, tokens: tokens)
        }
        strips = RowTiles(rows: tokens, most: stripRows)
        tiles = RowTiles(rows: tokens, most: engine.rowTile)
        strip = FloatBuffer(keepsInside ? 0 : strips.most * tokens)
        attentionOutput = FloatBuffer(tokens * c.width)
        branch = FloatBuffer(tiles.most * c.width)
        hidden = FloatBuffer(keepsInside && !c.normalizesHidden ? 0 : tiles.most * c.hiddenWidth)
        activated = FloatBuffer(tiles.most * c.feedForwardWidth)
    }

    /// What goes into a block; for `depth` what comes out of the last.
    func residual(_ block: Int) -> UnsafeMutablePointer<Float> { residuals.start + block * tokens * c.width }

    /// The residual stream between a block's two branches.
    func middle(_ block: Int) -> UnsafeMutablePointer<Float> { middles.start + block * tokens * c.width }

    /// A block's attention after the run: kept, or loaded again in place of the one last asked for.
    ///
    /// - Throws: `VitvideoError.mathLibraryFailed`.
    func attention(of block: Int) throws -> BlockAttention {
        if let insides { return insides[block].attention }
        guard let loaded else { preconditionFailure("what is not kept is loaded") }
        try load(block, into: loaded)
        return loaded
    }

    /// What `Activation.applyKeeping` has left, `tokens × hiddenWidth`; nil where it is to be computed again, as it is
    /// where a norm comes after the activation.
    func keptActivation(of block: Int) -> UnsafePointer<Float>? {
        insides.flatMap { $0[block].hidden.count > 0 ? UnsafePointer($0[block].hidden.start) : nil }
    }

    /// Loads a block: computes its queries, keys and values.
    ///
    /// - Throws: `VitvideoError.mathLibraryFailed`.
    func load(_ block: Int, into attention: BlockAttention) throws {
        let layers = engine.blocks[block]
        try attention.load(
            layers.weights.attentionInput, block: block, x: residual(block), positions: positions
        ) { y, x in
            try layers.qkv.forward(y, x, rows: tokens)
        }
    }

    /// - Throws: `Cancellation.Cancelled`, `VitvideoError.mathLibraryFailed`.
    func run(_ input: PatchMatrix) throws {
        try embed(input)
        for block in 0..<end.attendingBlocks {
            try attend(block)
            if block < end.wholeBlocks { try feedForward(block) }
        }
    }

    /// residual(0) = the embedding, through norm_pre where the model has it.
    private func embed(_ input: PatchMatrix) throws {
        let layer = engine.embedding
        let patchCount = rows * columns
        let embedding = Embedding(model: engine.model, rows: rows, columns: columns)
        try embedding.run(into: c.normalizesBeforeBlocks ? embedded.start : residual(0)) {
            patches, positions in
            try layer.forward(patches, input.values, rows: patchCount)
            vv_add_bias(patches, layer.linear.bias, patchCount, c.width)
            if let positions { vv_add_bias(patches, positions, 1, positions.count) }
        }
        embedding.normalize(embedded.start, into: residual(0))
    }

    /// middle = residual + ls₁ ⊙ (A·V · Wᵀ + b), A·V through its norm where there is one.
    private func attend(_ block: Int) throws {
        let d = c.width
        let layers = engine.blocks[block]
        guard let attention = insides?[block].attention ?? loaded else { return }
        try load(block, into: attention)
        for (firstRow, count) in strips {
            for head in 0..<c.heads {
                try Cancellation.check()
                let place = attention.keptMatrix(head, firstRow: firstRow) ?? strip.start
                attention.attention(head: head, firstRow: firstRow, rows: count, into: place)
                attention.qkv.output(
                    head: head, firstRow: firstRow, rows: count, of: place, into: attentionOutput.start,
                    product)
            }
        }
        if let norm = layers.weights.attentionNorm {
            vv_layer_norm(
                attentionOutput.start, attentionOutput.start, norm.gamma, norm.beta, tokens, d,
                c.layerNormEpsilon)
        }
        middle(block).update(from: residual(block), count: tokens * d)
        for (start, count) in tiles {
            try addBranch(
                layers.proj, attentionOutput.start + start * d, scale: layers.weights.ls1,
                to: middle(block) + start * d, rows: count)
        }
    }

    /// The next residual = middle + ls₂ ⊙ W₂·M(act(W₁·LayerNorm(middle))), with the hidden values' norm M where there is
    /// one.
    private func feedForward(_ block: Int) throws {
        let d = c.width
        let layers = engine.blocks[block]
        let (norm, fc1) = (layers.weights.norm2, layers.fc1)
        // The attention branch is done with this buffer.
        let normalized = attentionOutput
        vv_layer_norm(
            normalized.start, middle(block), norm.gamma, norm.beta, tokens, d, c.layerNormEpsilon)
        residual(block + 1).update(from: middle(block), count: tokens * d)
        for (start, count) in tiles {
            try Cancellation.check()
            let (bias, width) = (fc1.linear.bias, c.feedForwardWidth)
            if let kept = insides?[block].hidden, kept.count > 0 {
                let hidden = kept.start + start * c.hiddenWidth
                try fc1.forward(hidden, normalized.start + start * d, rows: count)
                c.activation.applyKeeping(activated.start, hidden, bias: bias, rows: count, width: width)
            } else {
                try fc1.forward(hidden.start, normalized.start + start * d, rows: count)
                c.activation.apply(activated.start, hidden.start, bias: bias, rows: count, width: width)
            }
            if let norm = layers.weights.hiddenNorm {
                vv_layer_norm(
                    activated.start, activated.start, norm.gamma, norm.beta, count, width, c.layerNormEpsilon)
            }
            try addBranch(
                layers.fc2, activated.start, scale: layers.weights.ls2, to: residual(block + 1) + start * d,
                rows: count)
        }
    }

    /// residual += scale ⊙ (x · Wᵀ + b).
    private func addBranch(
        _ layer: TwoWayLayer, _ x: UnsafePointer<Float>, scale: [Float]?,
        to residual: UnsafeMutablePointer<Float>, rows: Int
    ) throws {
        try layer.forward(branch.start, x, rows: rows)
        let (bias, width) = (layer.linear.bias, layer.linear.outputs)
        if let scale {
            vv_add_residual(residual, branch.start, bias, scale, rows, width)
        } else {
            vv_add_residual(residual, branch.start, bias, nil, rows, width)
        }
    }
}
