import CKernels

/// The steps of one transformer block over the buffers of a forward pass.
struct BlockPass {
    static let epsilon: Float = 1e-6

    private let c: Configuration
    private let blas: OpenBLAS
    private let scratch: Scratch
    private var d: Int { c.width }
    private var tokens: Int { scratch.tokens }
    private var softmaxScale: Float { 1 / Float(c.headWidth).squareRoot() }

    init(configuration: Configuration, blas: OpenBLAS, scratch: Scratch) {
        c = configuration
        self.blas = blas
        self.scratch = scratch
    }

    /// normed = LayerNorm(state).
    func normalize(_ norm: Norm) {
        vv_layer_norm(
            scratch.normed, scratch.state, norm.gamma, norm.beta, tokens, d, BlockPass.epsilon)
    }

    /// queryKeyValue = normed · Wᵀ + b.
    func projectQueriesKeysValues(_ weights: BlockWeights) {
        let layer = weights.queryKeyValue
        blas.product(
            scratch.queryKeyValue, stride: 3 * d, scratch.normed, stride: d, layer.weight, stride: d,
            bTransposed: true, m: tokens, n: 3 * d, k: d)
        vv_add_bias(scratch.queryKeyValue, layer.bias, tokens, 3 * d)
    }

    /// Softmax attention from one token to the patches, `heads × patches`, out of `normed` alone.
    ///
    /// A score is q·(Wₖx + bₖ) = (Wₖᵀq)·x + q·bₖ. Carrying the one query back through Wₖ costs a product
    /// with as many columns as there are heads where projecting every key would cost one with D, and
    /// q·bₖ is the same for all keys, so that softmax drops it.
    func attention(from token: Int, _ weights: BlockWeights) -> [Float] {
        let layer = weights.queryKeyValue
        let headWidth = c.headWidth
        var query = [Float](layer.bias[..<d])
        blas.product(
            &query, stride: d, scratch.normed + token * d, stride: d, layer.weight, stride: d,
            bTransposed: true, m: 1, n: d, k: d, beta: 1)

        var carried = [Float](repeating: 0, count: c.heads * d)
        layer.weight.withUnsafeBufferPointer { weight in
            for head in 0..<c.heads {
                let keyRows = weight.baseAddress! + (d + head * headWidth) * d
                query.withUnsafeBufferPointer { query in
                    carried.withUnsafeMutableBufferPointer { carried in
                        blas.product(
                            carried.baseAddress! + head * d, stride: d,
                            query.baseAddress! + head * headWidth, stride: headWidth, keyRows, stride: d,
                            bTransposed: false, m: 1, n: d, k: headWidth)
                    }
                }
            }
        }
        var scores = [Float](repeating: 0, count: c.heads * tokens)
        blas.product(
            &scores, stride: tokens, carried, stride: d, scratch.normed, stride: d, bTransposed: true,
            m: c.heads, n: tokens, k: d)
        vv_softmax_rows(&scores, c.heads, tokens, tokens, softmaxScale)

        let patches = tokens - c.specialTokens
        return [Float](unsafeUninitializedCapacity: c.heads * patches) { rows, count in
            for head in 0..<c.heads {
                let start = head * tokens + c.specialTokens
                for i in 0..<patches { rows[head * patches + i] = scores[start + i] }
            }
            count = c.heads * patches
        }
    }

    /// Lends one head's whole attention, `tokens × tokens`, out of queryKeyValue.
    func withAttentionMatrix(head: Int, _ body: (UnsafeBufferPointer<Float>) throws -> Void) rethrows {
        let queries = scratch.queryKeyValue + head * c.headWidth
        let matrix = scratch.attentionMatrix()
        blas.product(
            matrix, stride: tokens, queries, stride: 3 * d, queries + d, stride: 3 * d, bTransposed: true,
            m: tokens, n: tokens, k: c.headWidth)
        vv_softmax_rows(matrix, tokens, tokens, tokens, softmaxScale)
        try body(UnsafeBufferPointer(start: matrix, count: tokens * tokens))
    }

    /// normed = the heads' outputs softmax(QKᵀ/√d)·V, side by side.
    func attend() {
        let headWidth = c.headWidth
        for head in 0..<c.heads {
            let queries = scratch.queryKeyValue + head * headWidth
            vv_attention_pack(
                scratch.packedKeys, scratch.packedValues, queries + d, queries + 2 * d, 3 * d, tokens,
                headWidth)
            vv_attention(
                scratch.normed + head * headWidth, d, queries, 3 * d, tokens, scratch.packedKeys,
                scratch.packedValues, tokens, headWidth, softmaxScale, scratch.attention)
        }
    }

    /// state += scale₁ ⊙ (normed · Wᵀ + b), the attention branch.
    func project(_ weights: BlockWeights) {
        let layer = weights.projection
        forRowTiles { start, rows in
            blas.product(
                scratch.branch, stride: d, scratch.normed + start * d, stride: d, layer.weight, stride: d,
                bTransposed: true, m: rows, n: d, k: d)
            addResidual(start: start, rows: rows, bias: layer.bias, scale: weights.scale1)
        }
    }

    /// state += scale₂ ⊙ W₂·act(W₁·LayerNorm(state)), the feed-forward branch, in tiles of rows.
    func feedForward(_ weights: BlockWeights) {
        normalize(weights.norm2)
        let (expand, contract) = (weights.expand, weights.contract)
        forRowTiles { start, rows in
            blas.product(
                scratch.hidden, stride: expand.outputs, scratch.normed + start * d, stride: d, expand.weight,
                stride: d, bTransposed: true, m: rows, n: expand.outputs, k: d)
            var activated = scratch.hidden
            switch c.feedForward {
            case .gelu:
                vv_bias_gelu(scratch.hidden, expand.bias, rows, expand.outputs)
            case .swiglu:
                activated = scratch.hidden + rows * expand.outputs
                vv_bias_swiglu(activated, scratch.hidden, expand.bias, rows, contract.inputs)
            }
            blas.product(
                scratch.branch, stride: d, activated, stride: contract.inputs, contract.weight,
                stride: contract.inputs, bTransposed: true, m: rows, n: d, k: contract.inputs)
            addResidual(start: start, rows: rows, bias: contract.bias, scale: weights.scale2)
        }
    }

    private func addResidual(start: Int, rows: Int, bias: [Float], scale: [Float]?) {
        let state = scratch.state + start * d
        if let scale {
            vv_add_residual(state, scratch.branch, bias, scale, rows, d)
        } else {
            vv_add_residual(state, scratch.branch, bias, nil, rows, d)
        }
    }

    private func forRowTiles(_ body: (_ start: Int, _ rows: Int) -> Void) {
        for start in stride(from: 0, to: tokens, by: Scratch.rowTile) {
            body(start, min(Scratch.rowTile, tokens - start))
        }
    }
}
