import CKernels

/// The reverse of a block's attention branch, in strips of queries: neither the attention nor its gradient is
/// ever whole in memory.
final class AttentionBackward {
    /// One strip of one head on its way: softmax's output, and the gradient by it or, later, by its input.
    typealias Strip = (head: Int, firstRow: Int, rows: Int, value: FloatBuffer, gradient: FloatBuffer)

    private let c: Configuration
    private let product: MatrixProduct
    private let tokens: Int
    private let stripRows: Int
    private let scale: Float
    /// Gradient by the heads' joined output, `tokens × D`.
    private let joinedGradient: FloatBuffer
    /// The heads' joined output, for the gradient of the projection's weights.
    private let joined: FloatBuffer
    private let value: FloatBuffer
    private let gradient: FloatBuffer
    /// A strip's queries and output gradients with rows and columns exchanged, `headWidth × rows`.
    private let queries: FloatBuffer
    private let outputs: FloatBuffer
    /// Gradients by keys and values, `D × tokens` each, as the products add them up.
    private let keysGradient: FloatBuffer
    private let valuesGradient: FloatBuffer
    private let queriesKeysValuesGradient: FloatBuffer
    private let branch: FloatBuffer

    init(configuration c: Configuration, tokens: Int, stripRows: Int) throws {
        self.c = c
        self.tokens = tokens
        self.stripRows = min(stripRows, tokens)
        product = try MatrixProduct()
        scale = 1 / Float(c.headWidth).squareRoot()
        let states = tokens * c.width
        joinedGradient = FloatBuffer(states)
        joined = FloatBuffer(states)
        value = FloatBuffer(self.stripRows * tokens)
        gradient = FloatBuffer(self.stripRows * tokens)
        queries = FloatBuffer(self.stripRows * c.headWidth)
        outputs = FloatBuffer(self.stripRows * c.headWidth)
        keysGradient = FloatBuffer(states)
        valuesGradient = FloatBuffer(states)
        queriesKeysValuesGradient = FloatBuffer(3 * states)
        branch = FloatBuffer(states)
    }

    /// joinedGradient = (scale₁ ⊙ gradient) · W: the gradient by the heads' joined output from that by the
    /// middle state, both `tokens × D`.
    func enter(_ weights: BlockWeights, gradient: UnsafePointer<Float>) -> UnsafePointer<Float> {
        let d = c.width
        product(
            joinedGradient.start, stride: d, unscaled(gradient, weights), stride: d,
            weights.projection.weight,
            stride: d, bTransposed: false, m: tokens, n: d, k: d)
        return UnsafePointer(joinedGradient.start)
    }

    /// Gradients by softmax's output and then by its input, strip by strip, of each strip all heads in order.
    ///
    /// - Parameters:
    ///   - attention: turned to the block.
    ///   - joinedGradient: `tokens × D`.
    ///   - byAttention, byScores: called with each strip.
    func forEachStrip(
        _ attention: BlockAttention, joinedGradient: UnsafePointer<Float>,
        byAttention: (Strip) throws -> Void, byScores: (Strip) throws -> Void
    ) rethrows {
        let d = c.width
        for firstRow in stride(from: 0, to: tokens, by: stripRows) {
            let rows = min(stripRows, tokens - firstRow)
            for head in 0..<c.heads {
                attention.attention(head: head, firstRow: firstRow, rows: rows, into: value.start)
                product(
                    gradient.start, stride: tokens, joinedGradient + firstRow * d + head * c.headWidth,
                    stride: d, attention.queries(head: head) + 2 * d, stride: 3 * d, bTransposed: true,
                    m: rows,
                    n: tokens, k: c.headWidth)
                let strip = (head, firstRow, rows, value, gradient)
                try byAttention(strip)
                vv_softmax_backward_rows(gradient.start, value.start, rows, tokens)
                try byScores(strip)
            }
        }
    }

    /// Adds a strip's share to the gradients by queries, keys and values, and to the joined output where
    /// parameters are wanted.
    func accumulate(_ strip: Strip, _ attention: BlockAttention, wantsJoined: Bool) {
        let (d, width) = (c.width, c.headWidth)
        let (firstRow, rows) = (strip.firstRow, strip.rows)
        let offset = strip.head * width
        let start = attention.queries(head: strip.head)
        product(
            queriesKeysValuesGradient.start + firstRow * 3 * d + offset, stride: 3 * d, strip.gradient.start,
            stride: tokens, start + d, stride: 3 * d, bTransposed: false, m: rows, n: width, k: tokens,
            alpha: scale)
        // The first strip overwrites what the last block left.
        let beta: Float = firstRow == 0 ? 0 : 1
        vv_transpose(queries.start, start + firstRow * 3 * d, rows, width, 3 * d)
        product(
            keysGradient.start + offset * tokens, stride: tokens, queries.start, stride: rows,
            strip.gradient.start, stride: tokens, bTransposed: false, m: width, n: tokens, k: rows,
            alpha: scale,
            beta: beta)
        vv_transpose(outputs.start, joinedGradient.start + firstRow * d + offset, rows, width, d)
        product(
            valuesGradient.start + offset * tokens, stride: tokens, outputs.start, stride: rows,
            strip.value.start, stride: tokens, bTransposed: false, m: width, n: tokens, k: rows, beta: beta)
        if wantsJoined {
            product(
                joined.start + firstRow * d + offset, stride: d, strip.value.start, stride: tokens,
                start + 2 * d, stride: 3 * d, bTransposed: false, m: rows, n: width, k: tokens)
        }
    }

    /// After all strips: turns the gradient by the middle state into that by the block's input, in place.
    ///
    /// - Parameter input: `tokens × D`, what goes into the block.
    func leave(
        block: Int, _ weights: BlockWeights, _ attention: BlockAttention,
        gradient: UnsafeMutablePointer<Float>, input: UnsafePointer<Float>, parameters: ParameterGradients?
    ) {
        let d = c.width
        let name = "blocks.\(block)."
        if let parameters {
            parameters.addLinear(
                name + "attn.proj", gradient: unscaled(gradient, weights), x: joined.start, rows: tokens,
                outputs: d, inputs: d)
            if weights.scale1 != nil {
                parameters.addScale(
                    name + "ls1.gamma", gradient: gradient, x: joined.start, layer: weights.projection,
                    rows: tokens, branch: branch.start)
            }
        }
        let all = queriesKeysValuesGradient.start
        for (part, columns) in [(1, keysGradient), (2, valuesGradient)] {
            vv_transpose(branch.start, columns.start, d, tokens, tokens)
            for token in 0..<tokens {
                (all + token * 3 * d + part * d).update(from: branch.start + token * d, count: d)
            }
        }
        parameters?.addLinear(
            name + "attn.qkv", gradient: all, x: attention.normed.start, rows: tokens, outputs: 3 * d,
            inputs: d)
        product(
            branch.start, stride: d, all, stride: 3 * d, weights.queryKeyValue.weight, stride: d,
            bTransposed: false, m: tokens, n: d, k: 3 * d)
        weights.norm1.backward(
            name + "norm1", stateGradient: gradient, gradient: branch.start, x: input, rows: tokens,
            epsilon: c.layerNormEpsilon, parameters: parameters)
    }

    private func unscaled(_ gradient: UnsafePointer<Float>, _ weights: BlockWeights) -> UnsafePointer<Float> {
        guard let scale = weights.scale1 else { return gradient }
        vv_scale_columns(branch.start, gradient, scale, tokens, c.width)
        return UnsafePointer(branch.start)
    }
}
