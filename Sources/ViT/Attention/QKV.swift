import CKernels

/// The queries, keys and values of one block, `tokens × 3D` in 32-bit floats, and attention as defined on
/// them.
///
/// A token's row holds its queries of all heads, then its keys, then its values; where positions are rotary,
/// queries and keys are rotated already. The tuned kernels of `BlockPass` compute the same without a row of
/// attention in memory.
struct QKV {
    let start: UnsafeMutablePointer<Float>
    let tokens: Int
    /// D.
    let width: Int
    let headWidth: Int
    /// What the block adds to its scores; nil for nothing.
    var bias: AttentionBias?

    /// Floats from one token's row to the next.
    var stride: Int { 3 * width }
    /// 1/√d.
    var scale: Float { 1 / Float(headWidth).squareRoot() }

    /// Q of a head, `tokens × headWidth`.
    func queries(_ head: Int) -> UnsafeMutablePointer<Float> { start + head * headWidth }

    /// K of a head, `tokens × headWidth`.
    func keys(_ head: Int) -> UnsafeMutablePointer<Float> { queries(head) + width }

    /// V of a head, `tokens × headWidth`.
    func values(_ head: Int) -> UnsafeMutablePointer<Float> { queries(head) + 2 * width }

    /// strip [rows, tokens] = A = softmax(QKᵀ/√d), shifted by the bias where there is one, from `firstRow` on.
    func attention(
        head: Int, firstRow: Int, rows: Int, into strip: UnsafeMutablePointer<Float>, _ product: MatrixProduct
    ) {
        product(
            strip, stride: tokens, queries(head) + firstRow * stride, stride: stride, keys(head),
            stride: stride, bTransposed: true, m: rows, n: tokens, k: headWidth)
        bias?.add(to: strip, head: head, firstQuery: firstRow, count: rows, row: FloatBuffer(tokens))
        vv_softmax_rows(strip, rows, tokens, tokens, scale)
    }

    /// O = A·V from `firstRow` on, into the head's columns of the heads' outputs side by side.
    ///
    /// - Parameters:
    ///   - strip: A, `rows × tokens`.
    ///   - output: `tokens × D`.
    func output(
        head: Int, firstRow: Int, rows: Int, of strip: UnsafePointer<Float>,
        into output: UnsafeMutablePointer<Float>, _ product: MatrixProduct
    ) {
        product(
            output + firstRow * width + head * headWidth, stride: width, strip, stride: tokens, values(head),
            stride: stride, bTransposed: false, m: rows, n: headWidth, k: tokens)
    }
}

/// What comes before attention in a block, in 32-bit floats: qkv = R(N(LayerNorm(x) · Wᵀ + b)), where N normalizes
/// each head's queries and keys if the model does that, and R rotates those of the patches if positions are rotary.
/// `BlockPass.projectQKV` is the same in the engine's precision.
struct AttentionInput: Sendable {
    let norm: Norm
    let qkv: Linear
    /// Nil where queries and keys are not normalized.
    let queryNorm: Norm?
    let keyNorm: Norm?

    /// Sets y, `tokens × 3D`, to x·Wᵀ for the weight of `qkv` and x, `tokens × D`.
    typealias Project = (_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>) throws -> Void

    /// - Parameters:
    ///   - x: what goes into the block, `tokens × D`.
    ///   - normalized: set to LayerNorm(x), `tokens × D`.
    ///   - unnormalized: set to queries and keys before N, `tokens × 2D`; nil where they are not kept.
    ///   - rotation: of the picture's grid; nil where positions are not rotary.
    func run(
        _ x: UnsafePointer<Float>, normalized: UnsafeMutablePointer<Float>, into result: QKV,
        unnormalized: UnsafeMutablePointer<Float>?, rotation: Rotation?, epsilon: Float, project: Project
    ) rethrows {
        let (tokens, d) = (result.tokens, result.width)
        vv_layer_norm(normalized, x, norm.gamma, norm.beta, tokens, d, epsilon)
        try project(result.start, normalized)
        vv_add_bias(result.start, qkv.bias, tokens, 3 * d)
        if queryNorm != nil || keyNorm != nil {
            for token in 0..<tokens {
                let row = result.start + token * 3 * d
                unnormalized.map { ($0 + token * 2 * d).update(from: row, count: 2 * d) }
                normalizeHeads(row, queryNorm, d, epsilon)
                normalizeHeads(row + d, keyNorm, d, epsilon)
            }
        }
        rotation?.apply(to: result.start, stride: 3 * d, tokens: 0..<tokens, parts: 2)
    }

    /// In place: LayerNorm of each head's part of D values; nothing happens without a norm.
    func normalizeHeads(_ x: UnsafeMutablePointer<Float>, _ norm: Norm?, _ d: Int, _ epsilon: Float) {
        guard let norm else { return }
        let headWidth = norm.gamma.count
        vv_layer_norm(x, x, norm.gamma, norm.beta, d / headWidth, headWidth, epsilon)
    }
}
