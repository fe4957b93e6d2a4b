import Base
import CKernels

/// The backward pass of a block's attention branch, in strips of queries: neither the attention nor its
/// gradient is ever whole in memory. Shapes per head: Q, K, V and O `tokens × d`, S and A `tokens × tokens`;
/// g is the gradient with respect to the middle.
///
///     forward                                   backward
///     [Q, K, V] = R(N(LayerNorm(x) · Wᵀ + b))   dx = g + LayerNorm'(N'(R⁻¹[dQ, dK, dV]) · W)
///     S = QKᵀ/√d                                dQ = dS·K/√d,  dK = dSᵀ·Q/√d
///     A = softmax(S)                            dS = A ⊙ (dA − rowsum(A ⊙ dA))
///     O = A·V                                   dV = Aᵀ·dO,  dA = dO·Vᵀ
///     P = P(O)                                  dO = P'(dP)
///     middle = x + ls₁ ⊙ (P · Wᵀ + b)           dP = (ls₁ ⊙ g) · W
///
/// R is the rotation of rotary positions, else the identity; R⁻¹ = Rᵀ. N is the norm of each head's queries and keys,
/// else the identity; P is that of the heads' outputs. A shift of S by position has no part in it.
final class AttentionBackward {
    /// One strip of one head: A, and the gradient dA or, later, dS; `rows × tokens` each.
    typealias Strip = (
        head: Int, firstRow: Int, rows: Int, value: UnsafeMutablePointer<Float>, gradient: FloatBuffer
    )

    private let c: Configuration
    private let product: MatrixProduct
    private let tokens: Int
    private let stripRows: Int
    /// dO, `tokens × D`.
    private let attentionOutputGradient: FloatBuffer
    /// O, then P(O), `tokens × D`: for a model with P, and for the gradient of the projection's weights.
    private let attentionOutput: FloatBuffer
    private let value: FloatBuffer
    private let gradient: FloatBuffer
    /// [dQ, dK, dV], `tokens × 3D`.
    private let qkvGradient: FloatBuffer
    private let branch: FloatBuffer

    init(configuration c: Configuration, tokens: Int, stripRows: Int) throws {
        self.c = c
        self.tokens = tokens
        self.stripRows = min(stripRows, tokens)
        product = try MatrixProduct()
        let count = tokens * c.width
        attentionOutputGradient = FloatBuffer(count)
        attentionOutput = FloatBuffer(count)
        value = FloatBuffer(self.stripRows * tokens)
        gradient = FloatBuffer(self.stripRows * tokens)
        qkvGradient = FloatBuffer(3 * count)
        branch = FloatBuffer(count)
    }

    /// dO = P'((ls₁ ⊙ g) · W), `tokens × D`, from g with respect to the middle.
    ///
    /// - Parameter attention: with the block loaded.
    /// - Throws: `VitvideoError.mathLibraryFailed`.
    func backwardProjection(
        block: Int, _ layers: TwoWayBlock, _ attention: BlockAttention, gradient: UnsafePointer<Float>,
        parameters: ParameterGradients?
    ) throws -> UnsafePointer<Float> {
        let out = attentionOutputGradient
        try layers.proj.backward(out.start, scaled(gradient, layers.weights), rows: tokens)
        guard let norm = layers.weights.attentionNorm else { return UnsafePointer(out.start) }
        // O once more: its norm needs it before the strips give it.
        for (firstRow, rows) in RowTiles(rows: tokens, most: stripRows) {
            for head in 0..<c.heads {
                try Cancellation.check()
                let kept = attention.keptMatrix(head, firstRow: firstRow)
                if kept == nil {
                    attention.attention(head: head, firstRow: firstRow, rows: rows, into: value.start)
                }
                attention.qkv.output(
                    head: head, firstRow: firstRow, rows: rows, of: kept ?? value.start,
                    into: attentionOutput.start, product)
            }
        }
        branch.start.update(from: out.start, count: out.count)
        out.clear()
        norm.backward(
            "blocks.\(block).attn.norm", residualGradient: out.start, gradient: branch.start,
            x: attentionOutput.start, rows: tokens, epsilon: c.layerNormEpsilon, parameters: parameters)
        return UnsafePointer(out.start)
    }

    /// dA = dO·Vᵀ and then dS = A ⊙ (dA − rowsum(A ⊙ dA)), strip by strip, of each strip all heads in order.
    ///
    /// - Parameters:
    ///   - attention: with the block loaded.
    ///   - attentionOutputGradient: dO, `tokens × D`.
    ///   - byAttention: called with each strip and dA.
    ///   - byScores: called with each strip and dS.
    func forEachStrip(
        _ attention: BlockAttention, attentionOutputGradient: UnsafePointer<Float>,
        byAttention: (Strip) throws -> Void, byScores: (Strip) throws -> Void
    ) throws {
        let d = c.width
        let qkv = attention.qkv
        for firstRow in stride(from: 0, to: tokens, by: stripRows) {
            let rows = min(stripRows, tokens - firstRow)
            for head in 0..<c.heads {
                try Cancellation.check()
                let kept = attention.keptMatrix(head, firstRow: firstRow)
                if kept == nil {
                    attention.attention(head: head, firstRow: firstRow, rows: rows, into: value.start)
                }
                let value = kept ?? value.start
                product(
                    gradient.start, stride: tokens,
                    attentionOutputGradient + firstRow * d + head * c.headWidth, stride: d, qkv.values(head),
                    stride: qkv.stride, bTransposed: true, m: rows, n: tokens, k: c.headWidth)
                let strip = (head, firstRow, rows, value, gradient)
                try byAttention(strip)
                vv_softmax_backward_rows(gradient.start, value, rows, tokens)
                try byScores(strip)
            }
        }
    }

    /// A strip's share: dQ = dS·K/√d, dK += dSᵀ·Q/√d and dV += Aᵀ·dO; and O = A·V where parameters are wanted.
    func accumulate(_ strip: Strip, _ attention: BlockAttention, wantsOutput: Bool) {
        let (d, width) = (c.width, c.headWidth)
        let (head, firstRow, rows) = (strip.head, strip.firstRow, strip.rows)
        let qkv = attention.qkv
        let queriesGradient = qkvGradient.start + head * width
        product(
            queriesGradient + firstRow * 3 * d, stride: 3 * d, strip.gradient.start, stride: tokens,
            qkv.keys(head), stride: qkv.stride, bTransposed: false, m: rows, n: width, k: tokens,
            alpha: qkv.scale)
        // The first strip overwrites what the block before has left.
        let beta: Float = firstRow == 0 ? 0 : 1
        product(
            queriesGradient + d, stride: 3 * d, strip.gradient.start, stride: tokens,
            qkv.queries(head) + firstRow * qkv.stride, stride: qkv.stride, aTransposed: true,
            bTransposed: false, m: tokens, n: width, k: rows, alpha: qkv.scale, beta: beta)
        product(
            queriesGradient + 2 * d, stride: 3 * d, strip.value, stride: tokens,
            attentionOutputGradient.start + firstRow * d + head * width, stride: d, aTransposed: true,
            bTransposed: false, m: tokens, n: width, k: rows, beta: beta)
        if wantsOutput {
            qkv.output(
                head: head, firstRow: firstRow, rows: rows, of: strip.value, into: attentionOutput.start,
                product)
        }
    }

    /// After all strips: dx = g + LayerNorm'(N'(R⁻¹[dQ, dK, dV]) · W), in place of g.
    ///
    /// - Parameter input: x, `tokens × D`, what goes into the block.
    /// - Throws: `VitvideoError.mathLibraryFailed`.
    func backwardQKV(
        block: Int, _ layers: TwoWayBlock, _ attention: BlockAttention, rotation: Rotation?,
        gradient: UnsafeMutablePointer<Float>, input: UnsafePointer<Float>, parameters: ParameterGradients?
    ) throws {
        let d = c.width
        let name = "blocks.\(block)."
        let weights = layers.weights
        if let parameters {
            if let norm = weights.attentionNorm {
                vv_layer_norm(
                    attentionOutput.start, attentionOutput.start, norm.gamma, norm.beta, tokens, d,
                    c.layerNormEpsilon)
            }
            addProjection(name, weights, gradient: gradient, to: parameters)
        }
        let all = qkvGradient.start
        rotation?.apply(.reverse, to: all, stride: 3 * d, tokens: 0..<tokens, parts: 2)
        backwardHeads(name, weights, attention, parameters)
        parameters?.addQKV(
            name + "attn.qkv", gradient: all, x: attention.normalized.start, rows: tokens, c)
        try layers.qkv.backward(branch.start, all, rows: tokens)
        weights.norm1.backward(
            name + "norm1", residualGradient: gradient, gradient: branch.start, x: input, rows: tokens,
            epsilon: c.layerNormEpsilon, parameters: parameters)
    }

    /// [dQ, dK] becomes N'([dQ, dK]), in place; nothing happens for a model without N.
    private func backwardHeads(
        _ name: String, _ weights: BlockWeights, _ attention: BlockAttention,
        _ parameters: ParameterGradients?
    ) {
        guard let before = attention.unnormalized else { return }
        let d = c.width
        let reached = FloatBuffer(d)
        for (third, part) in [(weights.queryNorm, "attn.q_norm"), (weights.keyNorm, "attn.k_norm")]
            .enumerated()
        {
            guard let norm = part.0 else { continue }
            for token in 0..<tokens {
                let row = qkvGradient.start + token * 3 * d + third * d
                reached.start.update(from: row, count: d)
                row.update(repeating: 0, count: d)
                norm.backward(
                    name + part.1, residualGradient: row, gradient: reached.start,
                    x: before.start + token * 2 * d + third * d, rows: c.heads, epsilon: c.layerNormEpsilon,
                    parameters: parameters)
            }
        }
    }

    /// dW = (ls₁ ⊙ g)ᵀ · P and db = Σ ls₁ ⊙ g of the projection, and the gradient of ls₁.
    private func addProjection(
        _ name: String, _ weights: BlockWeights, gradient: UnsafePointer<Float>,
        to parameters: ParameterGradients
    ) {
        parameters.addLinear(
            name + "attn.proj", gradient: scaled(gradient, weights), x: attentionOutput.start, rows: tokens,
            outputs: c.width, inputs: c.width)
        guard weights.ls1 != nil else { return }
        parameters.addScale(
            name + "ls1.gamma", gradient: gradient, x: attentionOutput.start, layer: weights.proj,
            rows: tokens, branch: branch.start)
    }

    /// ls₁ ⊙ g, in `branch`; g itself for a model without LayerScale.
    private func scaled(_ gradient: UnsafePointer<Float>, _ weights: BlockWeights) -> UnsafePointer<Float> {
        guard let scale = weights.ls1 else { return gradient }
        vv_scale_columns(branch.start, gradient, scale, tokens, c.width)
        return UnsafePointer(branch.start)
    }
}
