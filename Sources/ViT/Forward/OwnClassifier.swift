import CKernels

/// The model's own classifier: linear heads, each on a feature of the tokens after the final LayerNorm, which may have a
/// LayerNorm N of its own. The logits are Σ share · (W · N(feature) + b).
struct OwnClassifier {
    struct Head {
        /// Canonical.
        let name: String
        let layer: Linear
        let feature: TokenFeature
        let share: Float
    }

    let heads: [Head]
    /// N; nil for none.
    private let norm: Norm?
    private let epsilon: Float

    /// Nil for a model without a head. With a distillation token both heads count half, as DeiT does at
    /// inference.
    init?(of model: Model) {
        guard let head = model.weights.head else { return nil }
        norm = model.weights.poolingNorm
        epsilon = model.configuration.layerNormEpsilon
        if let second = model.weights.distillationHead {
            heads = [
                Head(name: "head", layer: head, feature: .token(0), share: 0.5),
                Head(name: "head_dist", layer: second, feature: .token(1), share: 0.5),
            ]
            return
        }
        // Without a second head the class token's counts alone, as in Hugging Face's DeiTForImageClassification.
        let feature = TokenFeature(of: model.configuration.pooling)
        heads = [Head(name: "head", layer: head, feature: feature, share: 1)]
    }

    /// - Parameter apply: gives W · x + b.
    /// - Returns: one logit a class.
    func logits(_ tokens: NormalizedTokens, apply: (_ layer: Linear, _ x: [Float]) -> [Float]) -> [Float] {
        var logits = [Float](repeating: 0, count: heads[0].layer.outputs)
        for head in heads {
            let values = apply(head.layer, feature(of: head, tokens))
            for (i, value) in values.enumerated() { logits[i] += head.share * value }
        }
        return logits
    }

    /// N(feature), what a head's layer reads.
    func feature(of head: Head, _ tokens: NormalizedTokens) -> [Float] {
        normalized(head.feature.value(of: tokens))
    }

    private func normalized(_ x: [Float]) -> [Float] {
        guard let norm else { return x }
        var out = x
        vv_layer_norm(&out, x, norm.gamma, norm.beta, 1, x.count, epsilon)
        return out
    }

    /// Adds to the gradient with respect to the tokens, `tokens × D`, what reaches them from one of a head's logits.
    ///
    /// - Returns: as `TokenFeature.backward`.
    func backward(
        _ index: Int, of head: Head, _ tokens: NormalizedTokens, to tokensGradient: inout [Float],
        _ parameters: ParameterGradients?
    ) -> [Float] {
        let width = head.layer.inputs
        var gradient = Array(head.layer.weight[index * width..<(index + 1) * width])
        if let norm {
            let reached = gradient.map { head.share * $0 }
            gradient = [Float](repeating: 0, count: width)
            norm.backward(
                "fc_norm", residualGradient: &gradient, gradient: reached, x: head.feature.value(of: tokens),
                rows: 1, epsilon: epsilon, parameters: parameters)
            return head.feature.backward(gradient, share: 1, tokens, to: &tokensGradient)
        }
        return head.feature.backward(gradient, share: head.share, tokens, to: &tokensGradient)
    }
}
