import CKernels

/// One block's attention matrices out of what went into the block, a strip of rows at a time, in 32-bit
/// floats.
///
/// A strip of `rows × tokens` takes the place of the `tokens × tokens` matrix, so that memory grows linearly
/// with the tokens.
final class BlockAttention {
    let tokens: Int
    /// LayerNorm's output, `tokens × D`.
    let normed: FloatBuffer
    /// Queries, keys and values of all heads, `tokens × 3D`.
    let queriesKeysValues: FloatBuffer

    private let c: Configuration
    private let product: MatrixProduct
    private let scale: Float

    /// - Throws: `ModelError.mathLibraryMissing`.
    init(configuration: Configuration, tokens: Int) throws {
        c = configuration
        self.tokens = tokens
        product = try MatrixProduct()
        scale = 1 / Float(configuration.headWidth).squareRoot()
        normed = FloatBuffer(tokens * configuration.width)
        queriesKeysValues = FloatBuffer(tokens * 3 * configuration.width)
    }

    /// Turns to a block: normed = LayerNorm(input), queriesKeysValues = normed · Wᵀ + b.
    ///
    /// - Parameters:
    ///   - norm: before the block's attention.
    ///   - layer: to queries, keys and values.
    ///   - input: `tokens × D`, what goes into the block.
    func load(_ norm: Norm, _ layer: Linear, input: UnsafePointer<Float>) {
        let d = c.width
        vv_layer_norm(normed.start, input, norm.gamma, norm.beta, tokens, d, c.layerNormEpsilon)
        product(
            queriesKeysValues.start, stride: 3 * d, normed.start, stride: d, layer.weight, stride: d,
            bTransposed: true, m: tokens, n: 3 * d, k: d)
        vv_add_bias(queriesKeysValues.start, layer.bias, tokens, 3 * d)
    }

    /// Takes queries, keys and values that a forward pass shows; `normed` is left as it was.
    ///
    /// - Parameter values: `tokens × 3D`.
    func load(queriesKeysValues values: UnsafeBufferPointer<Float>) {
        precondition(values.count == queriesKeysValues.count, "queries, keys and values of all tokens")
        if let from = values.baseAddress { queriesKeysValues.start.update(from: from, count: values.count) }
    }

    /// One head's queries; keys lie D and values 2D floats further on, rows 3D floats apart.
    func queries(head: Int) -> UnsafeMutablePointer<Float> {
        queriesKeysValues.start + head * c.headWidth
    }

    /// strip [rows, tokens] = softmax(QKᵀ/√d) from `firstRow` on.
    func attention(head: Int, firstRow: Int, rows: Int, into strip: UnsafeMutablePointer<Float>) {
        let stride = 3 * c.width
        let queries = queries(head: head)
        product(
            strip, stride: tokens, queries + firstRow * stride, stride: stride, queries + c.width,
            stride: stride, bTransposed: true, m: rows, n: tokens, k: c.headWidth)
        vv_softmax_rows(strip, rows, tokens, tokens, scale)
    }

    /// Shows all of the block's attention: strips from the first token on, of each strip all heads in order.
    ///
    /// - Parameter strip: room for `stripRows × tokens`.
    func forEachStrip(
        block: Int, stripRows: Int, strip: FloatBuffer, _ body: (AttentionStrip) throws -> Void
    ) rethrows {
        for firstRow in stride(from: 0, to: tokens, by: stripRows) {
            let rows = min(stripRows, tokens - firstRow)
            for head in 0..<c.heads {
                attention(head: head, firstRow: firstRow, rows: rows, into: strip.start)
                try body(
                    AttentionStrip(
                        block: block, head: head, firstRow: firstRow, rows: rows, tokens: tokens,
                        values: UnsafeBufferPointer(start: strip.start, count: rows * tokens)))
            }
        }
    }
}
