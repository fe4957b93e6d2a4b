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

    /// strip [rows, tokens] = A = softmax(QKᵀ/√d) from `firstRow` on.
    func attention(
        head: Int, firstRow: Int, rows: Int, into strip: UnsafeMutablePointer<Float>, _ product: MatrixProduct
    ) {
        product(
            strip, stride: tokens, queries(head) + firstRow * stride, stride: stride, keys(head),
            stride: stride, bTransposed: true, m: rows, n: tokens, k: headWidth)
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

/// What comes before attention in a block, in 32-bit floats: qkv = R(LayerNorm(x) · Wᵀ + b), where R rotates
/// queries and keys of the patches if positions are rotary. `BlockPass.projectQKV` is the same in the
/// engine's precision.
struct AttentionInput: Sendable {
    let norm: Norm
    let qkv: Linear

    /// Sets y, `tokens × 3D`, to x·Wᵀ for the weight of `qkv` and x, `tokens × D`.
    typealias Project = (_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>) throws -> Void

    /// - Parameters:
    ///   - x: what goes into the block, `tokens × D`.
    ///   - normalized: set to LayerNorm(x), `tokens × D`.
    ///   - rotation: of the picture's grid; nil where positions are not rotary.
    func run(
        _ x: UnsafePointer<Float>, normalized: UnsafeMutablePointer<Float>, into result: QKV,
        rotation: Rotation?, epsilon: Float, project: Project
    ) rethrows {
        let (tokens, d) = (result.tokens, result.width)
        vv_layer_norm(normalized, x, norm.gamma, norm.beta, tokens, d, epsilon)
        try project(result.start, normalized)
        vv_add_bias(result.start, qkv.bias, tokens, 3 * d)
        rotation?.apply(to: result.start, stride: 3 * d, tokens: 0..<tokens, parts: 2)
    }
}
