/// The model's own classifier: linear heads, each on a feature of the tokens after the final LayerNorm. The
/// logits are Σ share · (W · feature + b).
struct OwnClassifier {
    struct Head {
        /// Canonical.
        let name: String
        let layer: Linear
        let feature: TokenFeature
        let share: Float
    }

    let heads: [Head]

    /// Nil for a model without a head. With a distillation token both heads count half, as DeiT does at
    /// inference.
    init?(of model: Model) {
        guard let head = model.weights.head else { return nil }
        if let second = model.weights.distillationHead {
            heads = [
                Head(name: "head", layer: head, feature: .token(0), share: 0.5),
                Head(name: "head_dist", layer: second, feature: .token(1), share: 0.5),
            ]
            return
        }
        // Without a second head the class token's counts alone, as in Hugging Face's DeiTForImageClassification.
        let feature: TokenFeature =
            switch model.configuration.pooling {
            case .classToken: .token(0)
            case .meanPatch: .meanPatch
            case .attentionProbe: .attentionProbe
            }
        heads = [Head(name: "head", layer: head, feature: feature, share: 1)]
    }

    /// - Parameter apply: gives W · x + b.
    /// - Returns: one logit a class.
    func logits(_ tokens: NormalizedTokens, apply: (_ layer: Linear, _ x: [Float]) -> [Float]) -> [Float] {
        var logits = [Float](repeating: 0, count: heads[0].layer.outputs)
        for head in heads {
            let values = apply(head.layer, head.feature.value(of: tokens))
            for (i, value) in values.enumerated() { logits[i] += head.share * value }
        }
        return logits
    }
}
