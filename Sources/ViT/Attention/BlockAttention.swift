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
    let qkv: QKV

    private let c: Configuration
    private let product: MatrixProduct
    private let qkvBuffer: FloatBuffer

    /// - Throws: `VitvideoError.mathLibraryMissing`.
    init(configuration: Configuration, tokens: Int) throws {
        c = configuration
        self.tokens = tokens
        product = try MatrixProduct()
        normalized = FloatBuffer(tokens * configuration.width)
        qkvBuffer = FloatBuffer(tokens * 3 * configuration.width)
        qkv = QKV(
            start: qkvBuffer.start, tokens: tokens, width: configuration.width,
            headWidth: configuration.headWidth)
    }

    /// Loads a block: computes its queries, keys and values.
    ///
    /// - Parameters:
    ///   - input: the block's LayerNorm and `qkv`.
    ///   - x: `tokens × D`, what goes into the block.
    ///   - rotation: of the picture's grid; nil where positions are not rotary.
    func load(_ input: AttentionInput, x: UnsafePointer<Float>, rotation: Rotation?) {
        input.run(
            x, normalized: normalized.start, into: qkv, rotation: rotation, epsilon: c.layerNormEpsilon,
            product)
    }

    /// Takes queries, keys and values that a forward pass shows; `normalized` does not change.
    ///
    /// - Parameter values: `tokens × 3D`.
    func load(qkv values: UnsafeBufferPointer<Float>) {
        precondition(values.count == qkvBuffer.count, "queries, keys and values of all tokens")
        if let from = values.baseAddress { qkvBuffer.start.update(from: from, count: values.count) }
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
