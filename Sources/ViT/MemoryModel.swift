import CKernels

/// Bytes that the passes over one picture take beside the model's weights, so that a size that does not fit
/// can be refused before it is tried. This is the one place that knows what the passes allocate.
package struct MemoryModel {
    private let c: Configuration
    private let tokens: Int
    private let patches: Int

    /// For a patch grid.
    package init(_ configuration: Configuration, rows: Int, columns: Int) {
        c = configuration
        patches = rows * columns
        tokens = c.specialTokens + patches
    }

    /// For a number of tokens, prefix tokens included.
    package init(_ configuration: Configuration, tokens: Int) {
        c = configuration
        self.tokens = tokens
        patches = tokens - c.specialTokens
    }

    /// `tokens × D` in 32-bit floats: the residual stream, and everything that is as large.
    package var residual: Int { tokens * c.width * MemoryLayout<Float>.stride }

    /// One strip of attention.
    private func strip(rows: Int) -> Int { min(rows, tokens) * tokens * MemoryLayout<Float>.stride }

    /// A grid's rotation: cosine and sine of half a head's angles a patch; 0 where positions are not rotary.
    private var rotation: Int {
        c.rotary == nil ? 0 : patches * c.headWidth * MemoryLayout<Float>.stride
    }

    /// The tables of relative positions on a grid.
    private var biasTables: Int {
        let tables = c.relativePositions.map { $0 == .shared ? 1 : c.depth } ?? 0
        return tables * c.heads * 4 * patches * MemoryLayout<Float>.stride
    }

    /// How attention depends on the places in a grid.
    private var positions: Int { rotation + biasTables }

    /// Queries and keys of all tokens, and the strips, where the mean over the patches attends.
    private var meanQuery: Int {
        c.prefix.hasClassToken ? 0 : 2 * residual + c.heads * strip(rows: AttentionStrip.usualRows)
    }

    /// Keys and values of an attention probe; 0 for a model without.
    private var probe: Int { c.pooling == .attentionProbe ? 2 * residual : 0 }

    // MARK: Forward

    /// One pass with its input and the position table included; linear in the patches.
    ///
    /// - Parameter workers: as in `ForwardPass.init(engine:threads:)`.
    package func forwardPass(_ precision: Precision, workers: Int) -> Int {
        let input = patches * (c.patchValues + c.width) * MemoryLayout<Float>.stride
        return ScratchSizes(configuration: c, precision: precision, tokens: tokens).total(workers: workers)
            + input + positions + probe + meanQuery
    }

    /// A `TokenReuse` beside its pass: of each block what went in and what was added, keys, values and squares; the chosen
    /// tokens' rows, and distances, marks and numbers.
    package func reuse(_ precision: Precision) -> Int {
        let sizes = ScratchSizes(configuration: c, precision: precision, tokens: tokens)
        return c.depth * (2 * residual + sizes.packed + 4 * tokens) + residual + 13 * tokens
    }

    /// The buffers of a forward pass that grow with the tokens, counted in 32-bit floats for every precision:
    /// residual stream, attention output, and queries, keys and values.
    package var forwardActivations: Int { 5 * residual }

    /// An `AttentionReplay` beside its forward pass: what went into each block; then LayerNorm's output,
    /// queries, keys and values of one; then a strip.
    package func attentionReplay(stripRows: Int = AttentionStrip.usualRows) -> Int {
        (c.depth + 4) * residual + strip(rows: stripRows) + positions
    }

    // MARK: Backward

    /// A `BackwardPass` with the forward pass that it records.
    package func backwardPass(_ request: GradientRequest, stripRows: Int = AttentionStrip.usualRows) -> Int {
        // Each block's input and middle, the last output; the gradients kept for a replay; the input of
        // norm_pre and a copy of its output's gradient.
        let kept =
            2 * c.depth + (request.keepsAttention ? c.depth : 0) + 1 + (c.normalizesBeforeBlocks ? 2 : 0)
        // The buffers of one block, and a second one's attention in a replay.
        let block = 14 + (request.keepsAttention ? 4 : 0)
        // The recorded pass's strip; attention and its gradient.
        let strips = 3 * strip(rows: stripRows)
        let tile = min(ForwardRecord.rowTile, tokens) * (9 * c.feedForwardWidth + 3 * c.width)
        var parameters = 0
        if request.wantsParameters {
            parameters = CanonicalNames.required(by: c).reduce(0) { $0 + $1.shape.reduce(1, *) }
        }
        return (kept + block) * residual + strips + (tile + parameters) * MemoryLayout<Float>.stride
            + positions
    }

    // MARK: Gradient by the pixels

    /// A `PixelGradient`, with the planes and the patches of its picture.
    ///
    /// - Parameter keepsInside: as there; nil for what it decides itself.
    package func pixelGradient(_ target: ActivationTarget, keepsInside: Bool? = nil) -> Int {
        let blocks = target.blockCount(of: c)
        // Each block's input and middle, the last output; the gradient, a LayerNorm's output and its gradient; the
        // attention output, twice, and its gradient; [dQ, dK, dV] and what they give.
        let states = (2 * blocks + 1 + 3 + 3 + 4 + (c.normalizesBeforeBlocks ? 2 : 0)) * residual
        let rows = PixelGradient.stripRows
        let tile = min(ForwardRecord.rowTile, tokens) * (9 * c.feedForwardWidth + 3 * c.width)
        let pixels = 8 * patches * c.patchValues
        let inside =
            keepsInside ?? pixelGradientKeepsInside(target)
            ? blocks * insideOfBlock : 4 * residual + 2 * strip(rows: rows)
        return states + inside + 2 * strip(rows: rows) + (tile + pixels) * MemoryLayout<Float>.stride
            + positions
    }

    /// Whether a `PixelGradient` keeps all that blocks compute: where that is at most 512 MB.
    func pixelGradientKeepsInside(_ target: ActivationTarget) -> Bool {
        target.blockCount(of: c) * insideOfBlock <= 512 << 20
    }

    /// LayerNorm's output, queries, keys and values, the attention of all heads, and the hidden values.
    private var insideOfBlock: Int {
        4 * residual + c.heads * strip(rows: tokens) + tokens * c.hiddenWidth * MemoryLayout<Float>.stride
    }
}

/// Bytes of each buffer of a forward pass: what `Scratch` allocates.
struct ScratchSizes {
    let residual: Int
    let qkv: Int
    let attentionOutput: Int
    /// One head's packed keys, and its packed values.
    let packedHead: Int
    let normalized: Int
    let hidden: Int
    let gated: Int
    let attention: Int
    let product: Int
    let bias: Int
    let biasStride: Int
    private let heads: Int

    /// Queries whose bias is in memory at a time: a tile of the attention kernel's.
    static let biasRows = vv_attention_bias_rows(1)

    /// Bytes that the widest vectors fill; buffers start at a multiple of it.
    static let cacheLine = 64

    init(configuration c: Configuration, precision: Precision, tokens: Int) {
        heads = c.heads
        residual = tokens * c.width * 4
        qkv = tokens * 3 * c.width * precision.storage.byteCount
        attentionOutput = tokens * c.width * precision.storage.byteCount
        let rows = min(tokens, Scratch.rowTile)
        normalized = rows * c.width * 4
        hidden = rows * c.hiddenWidth * 4
        gated = c.activation.isGated ? rows * c.feedForwardWidth * 4 : 1
        product =
            precision == .int8
            ? Int8Layer.scratchBytes(
                inputs: max(c.width, c.feedForwardWidth), outputs: max(3 * c.width, c.hiddenWidth)) : 1
        let packed: Int
        switch precision.storage {
        case .float32:
            packed = vv_attention_packed_count(tokens, c.headWidth) * 4
            attention = vv_attention_scratch_count(c.headWidth) * 4
        case .bfloat16:
            packed = vv_attention_bf16_packed_bytes(tokens, c.headWidth)
            attention = vv_attention_bf16_scratch_bytes(c.headWidth)
        }
        // Keys may begin after the class token, so that the last row is read past its end.
        biasStride = vv_attention_bias_columns(tokens + 1)
        bias = c.relativePositions == nil ? 4 : Self.biasRows * biasStride * 4
        packedHead = (packed + Self.cacheLine - 1) / Self.cacheLine * Self.cacheLine
    }

    /// All heads' packed keys and values.
    var packed: Int { 2 * heads * packedHead }

    /// All of it together.
    func total(workers: Int) -> Int {
        residual + qkv + attentionOutput + packed
            + workers * (normalized + hidden + gated + attention + product + bias)
    }
}
