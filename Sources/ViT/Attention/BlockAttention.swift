import Base

/// One block's attention matrices out of what went into the block, a strip of rows at a time, in 32-bit
/// floats.
///
/// A strip of `rows × tokens` takes the place of the `tokens × tokens` matrix, so that memory grows linearly
/// with the tokens.
final class BlockAttention {
    let tokens: Int
    /// LayerNorm's output, `tokens × D`.
    let normalized: FloatBuffer
    /// Queries, keys and values of the block.
    private(set) var qkv: QKV
    /// Queries and keys before they are normalized, `tokens × 2D`; nil for a model that does not.
    let unnormalized: FloatBuffer?

    private let c: Configuration
    private let product: MatrixProduct
    private let qkvBuffer: FloatBuffer
    /// `heads × tokens × tokens`, where whoever computes attention keeps it.
    private let matrices: FloatBuffer?

    /// - Parameter keepsMatrices: whether there is room for the matrices of all heads.
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    init(configuration: Configuration, tokens: Int, keepsMatrices: Bool = false) throws {
        c = configuration
        self.tokens = tokens
        product = try MatrixProduct()
        normalized = FloatBuffer(tokens * configuration.width)
        qkvBuffer = FloatBuffer(tokens * 3 * configuration.width)
        qkv = QKV(
            start: qkvBuffer.start, tokens: tokens, width: configuration.width,
            headWidth: configuration.headWidth)
        unnormalized =
            configuration.normalizesQueriesAndKeys ? FloatBuffer(tokens * 2 * configuration.width) : nil
        matrices = keepsMatrices ? FloatBuffer(configuration.heads * tokens * tokens) : nil
    }

    /// Loads a block: computes its queries, keys and values.
    ///
    /// - Parameters:
    ///   - input: the block's LayerNorm and `qkv`.
    ///   - block: its index.
    ///   - x: `tokens × D`, what goes into the block.
    ///   - positions: of the picture's grid.
    func load(
        _ input: AttentionInput, block: Int, x: UnsafePointer<Float>, positions: AttentionPositions
    ) {
        load(input, block: block, x: x, positions: positions) { y, x in
            product(
                y, stride: 3 * c.width, x, stride: c.width, input.qkv.weight, stride: c.width,
                bTransposed: true, m: tokens, n: 3 * c.width, k: c.width)
        }
    }

    /// The same by a product of the caller's.
    ///
    /// - Parameter project: sets y, `tokens × 3D`, to x·Wᵀ for the weight of `qkv` and x, `tokens × D`.
    func load(
        _ input: AttentionInput, block: Int, x: UnsafePointer<Float>, positions: AttentionPositions,
        project: AttentionInput.Project
    ) rethrows {
        qkv.bias = positions.bias(ofBlock: block)
        try input.run(
            x, normalized: normalized.start, into: qkv, unnormalized: unnormalized?.start,
            rotation: positions.rotation, epsilon: c.layerNormEpsilon, project: project)
    }

    /// Takes queries, keys and values that a forward pass shows; `normalized` does not change.
    ///
    /// - Parameters:
    ///   - values: `tokens × 3D`.
    ///   - bias: what the block adds to its scores; nil for nothing.
    func load(qkv values: UnsafeBufferPointer<Float>, bias: AttentionBias?) {
        qkv.bias = bias
        precondition(values.count == qkvBuffer.count, "queries, keys and values of all tokens")
        if let from = values.baseAddress { qkvBuffer.start.update(from: from, count: values.count) }
    }

    /// Where the rows of a head's matrix from `firstRow` on are kept, `rows × tokens`; nil where they are not.
    func keptMatrix(_ head: Int, firstRow: Int) -> UnsafeMutablePointer<Float>? {
        matrices.map { $0.start + (head * tokens + firstRow) * tokens }
    }

    /// strip [rows, tokens] = softmax(QKᵀ/√d) from `firstRow` on.
    func attention(head: Int, firstRow: Int, rows: Int, into strip: UnsafeMutablePointer<Float>) {
        qkv.attention(head: head, firstRow: firstRow, rows: rows, into: strip, product)
    }

    /// Shows all of the block's attention: strips from the first token on, of each strip all heads in order.
    ///
    /// - Parameter strip: room for `stripRows × tokens`.
    /// - Throws: `Cancellation.Cancelled`, `VitvideoError.notFinite`, and what the body throws.
    func forEachStrip(
        block: Int, stripRows: Int, strip: FloatBuffer, _ body: (AttentionStrip) throws -> Void
    ) throws {
        for firstRow in stride(from: 0, to: tokens, by: stripRows) {
            let rows = min(stripRows, tokens - firstRow)
            for head in 0..<c.heads {
                try Cancellation.check()
                attention(head: head, firstRow: firstRow, rows: rows, into: strip.start)
                try FiniteValues.check(
                    UnsafePointer(strip.start), count: rows * tokens, in: "the attention of layer \(block)")
                try body(
                    AttentionStrip(
                        block: block, head: head, firstRow: firstRow, rows: rows, tokens: tokens,
                        values: UnsafeBufferPointer(start: strip.start, count: rows * tokens)))
            }
        }
    }
}
