import CKernels

/// Pooling by a learned query (SigLIP's "MAP head"; timm's `AttentionPoolLatent`), in 32-bit floats:
///
///     q = W_q·latent + b,  [k, v] = W_kv·x + b for each patch x,
///     a = W_p·(softmax(q·kᵀ/√d)·v, the heads side by side) + b,  y = a + W₂·act(W₁·LayerNorm(a) + b₁) + b₂.
///
/// With one query everything but W_kv is a product with a vector.
struct AttentionProbe {
    let configuration: Configuration
    let weights: AttentionProbeWeights
    let product: MatrixProduct

    private var d: Int { configuration.width }
    private var heads: Int { configuration.heads }
    private var headWidth: Int { configuration.headWidth }
    private var scale: Float { 1 / Float(headWidth).squareRoot() }

    /// A forward pass with what its backward pass needs.
    struct Result {
        /// y, `D`.
        var value: [Float] = []
        /// Softmax's output over the patches, `heads × patches`.
        var attention: [Float] = []
        fileprivate var q: [Float] = []
        /// `patches × 2D`.
        fileprivate var kv: [Float] = []
        /// a, before the feed-forward part.
        fileprivate var attended: [Float] = []
        /// W₁·LayerNorm(a), without the bias.
        fileprivate var hidden: [Float] = []
    }

    func run(_ tokens: NormalizedTokens) -> Result {
        let patches = tokens.patchCount
        var result = Result()
        result.q = apply(weights.q, weights.latent)
        result.kv = [Float](repeating: 0, count: patches * 2 * d)
        product(
            &result.kv, stride: 2 * d, tokens.patches, stride: d, weights.kv.weight, stride: d,
            bTransposed: true, m: patches, n: 2 * d, k: d)
        vv_add_bias(&result.kv, weights.kv.bias, patches, 2 * d)

        result.attention = byHead(of: result.kv, offset: 0, result.q, patches: patches)
        vv_softmax_rows(&result.attention, heads, patches, patches, scale)
        var output = [Float](repeating: 0, count: d)
        for head in 0..<heads {
            for patch in 0..<patches {
                let weight = result.attention[head * patches + patch]
                let value = patch * 2 * d + d + head * headWidth
                for i in 0..<headWidth { output[head * headWidth + i] += weight * result.kv[value + i] }
            }
        }
        result.attended = apply(weights.proj, output)

        result.hidden = apply(weights.fc1, normalized(result.attended), addsBias: false)
        result.value = zip(result.attended, apply(weights.fc2, activated(result.hidden))).map { $0 + $1 }
        return result
    }

    /// Adds to the tokens' gradient what reaches the patches from the gradient g with respect to y.
    ///
    ///     dact = W₂ᵀg                   of W₂·act
    ///     dn   = W₁ᵀ(dact ⊙ act')       of W₁·n
    ///     da   = g + LayerNorm'(dn)     of y = a + …
    ///     dO   = W_pᵀda                 of a = W_p·O
    ///     dv_j = A_j·dO,  dA_j = dO·v_j of O = Σ A_j·v_j
    ///     dS   = A ⊙ (dA − Σ A ⊙ dA)    of A = softmax(S)
    ///     dk_j = dS_j·q/√d              of S_j = q·k_j/√d
    ///     dx_j = W_kvᵀ[dk_j, dv_j]      of [k_j, v_j] = W_kv·x_j
    ///
    /// - Returns: A ⊙ dA, `heads × patches`.
    func backward(
        _ gradient: [Float], _ tokens: NormalizedTokens, to tokensGradient: inout [Float]
    ) -> [Float] {
        let patches = tokens.patchCount
        let forward = run(tokens)
        let activatedGradient = transposed(weights.fc2, gradient)
        var hiddenGradient = [Float](repeating: 0, count: weights.fc1.outputs)
        configuration.activation.backward(
            &hiddenGradient, activatedGradient, hidden: forward.hidden, bias: weights.fc1.bias, rows: 1,
            width: configuration.feedForwardWidth)
        var attendedGradient = gradient
        weights.norm.backward(
            residualGradient: &attendedGradient, gradient: transposed(weights.fc1, hiddenGradient),
            x: forward.attended, rows: 1, epsilon: configuration.layerNormEpsilon)
        let outputGradient = transposed(weights.proj, attendedGradient)

        var scoresGradient = byHead(of: forward.kv, offset: d, outputGradient, patches: patches)
        let weighted = zip(forward.attention, scoresGradient).map { $0 * $1 }
        vv_softmax_backward_rows(&scoresGradient, forward.attention, heads, patches)
        var kvGradient = [Float](repeating: 0, count: patches * 2 * d)
        for head in 0..<heads {
            for patch in 0..<patches {
                let (weight, score) = (head * patches + patch, patch * 2 * d + head * headWidth)
                for i in 0..<headWidth {
                    let channel = head * headWidth + i
                    kvGradient[score + i] = scale * scoresGradient[weight] * forward.q[channel]
                    kvGradient[score + d + i] = forward.attention[weight] * outputGradient[channel]
                }
            }
        }
        tokensGradient.withUnsafeMutableBufferPointer { to in
            guard let start = to.baseAddress else { return }
            product(
                start + tokens.specialTokens * d, stride: d, kvGradient, stride: 2 * d, weights.kv.weight,
                stride: d, bTransposed: false, m: patches, n: d, k: 2 * d, beta: 1)
        }
        return weighted
    }

    /// Per head and patch the product of the head's part of `vector` with that of a row of [k, v],
    /// `heads × patches`.
    ///
    /// - Parameter offset: 0 for k, D for v.
    private func byHead(of kv: [Float], offset: Int, _ vector: [Float], patches: Int) -> [Float] {
        (0..<heads).flatMap { head in
            (0..<patches).map { patch in
                let row = patch * 2 * d + offset + head * headWidth
                return (0..<headWidth).reduce(0) { $0 + vector[head * headWidth + $1] * kv[row + $1] }
            }
        }
    }

    private func normalized(_ x: [Float]) -> [Float] {
        var out = x
        vv_layer_norm(&out, x, weights.norm.gamma, weights.norm.beta, 1, d, configuration.layerNormEpsilon)
        return out
    }

    private func activated(_ hidden: [Float]) -> [Float] {
        var out = [Float](repeating: 0, count: configuration.feedForwardWidth)
        configuration.activation.apply(
            &out, hidden, bias: weights.fc1.bias, rows: 1, width: configuration.feedForwardWidth)
        return out
    }

    private func apply(_ layer: Linear, _ x: [Float], addsBias: Bool = true) -> [Float] {
        var y = addsBias ? layer.bias : [Float](repeating: 0, count: layer.outputs)
        product(
            &y, stride: layer.outputs, x, stride: layer.inputs, layer.weight, stride: layer.inputs,
            bTransposed: true, m: 1, n: layer.outputs, k: layer.inputs, beta: 1)
        return y
    }

    /// Wᵀg.
    private func transposed(_ layer: Linear, _ gradient: [Float]) -> [Float] {
        var x = [Float](repeating: 0, count: layer.inputs)
        product(
            &x, stride: layer.inputs, gradient, stride: layer.outputs, layer.weight, stride: layer.inputs,
            bTransposed: false, m: 1, n: layer.inputs, k: layer.outputs)
        return x
    }
}
