import CKernels

/// A vector of D values that a classifier reads of the tokens after the final LayerNorm.
enum TokenFeature: Sendable, Hashable {
    case token(Int)
    /// The mean of the patch tokens.
    case meanPatch
    case attentionProbe

    /// What a model with this pooling is classified by.
    init(of pooling: Pooling) {
        switch pooling {
        case .classToken: self = .token(0)
        case .meanPatch: self = .meanPatch
        case .attentionProbe: self = .attentionProbe
        }
    }

    /// - Parameter tokens: after the final LayerNorm.
    func value(of tokens: NormalizedTokens) -> [Float] {
        let d = tokens.width
        switch self {
        case .token(let index):
            return [Float](UnsafeBufferPointer(start: tokens.start + index * d, count: d))
        case .meanPatch:
            return TokenFeature.mean(tokens.patches, count: tokens.patchCount, width: d)
        case .attentionProbe:
            return tokens.attentionProbe().run(tokens).value
        }
    }

    /// The mean of `count` rows, `width`.
    static func mean(_ rows: UnsafePointer<Float>, count: Int, width: Int) -> [Float] {
        var mean = [Float](repeating: 0, count: width)
        vv_add_column_sums(&mean, rows, count, width)
        return mean.map { $0 / Float(count) }
    }

    /// Adds to the gradient with respect to the tokens, `tokens × D`, what reaches them from `share ·
    /// gradient` with respect to the feature.
    ///
    /// - Returns: of an attention probe its attention times the gradient with respect to it, `heads × patches`; else
    ///   nothing.
    @discardableResult
    func backward(
        _ gradient: some Collection<Float>, share: Float, _ tokens: NormalizedTokens,
        to tokensGradient: inout [Float]
    ) -> [Float] {
        let d = tokens.width
        switch self {
        case .token(let index):
            for (i, value) in gradient.enumerated() { tokensGradient[index * d + i] += share * value }
        case .meanPatch:
            let share = share / Float(tokens.patchCount)
            for token in tokens.specialTokens..<tokens.count {
                for (i, value) in gradient.enumerated() { tokensGradient[token * d + i] += share * value }
            }
        case .attentionProbe:
            return tokens.attentionProbe().backward(
                gradient.map { share * $0 }, tokens, to: &tokensGradient)
        }
        return []
    }
}

/// The tokens after the final LayerNorm, `count × D`; valid as long as the memory is.
struct NormalizedTokens {
    let model: Model
    let start: UnsafePointer<Float>
    let count: Int
    let product: MatrixProduct

    var width: Int { model.configuration.width }
    var specialTokens: Int { model.configuration.specialTokens }
    var patches: UnsafePointer<Float> { start + specialTokens * width }
    var patchCount: Int { count - specialTokens }

    func attentionProbe() -> AttentionProbe {
        guard let weights = model.weights.attentionProbe else {
            preconditionFailure("the probe's weights come with its pooling")
        }
        return AttentionProbe(configuration: model.configuration, weights: weights, product: product)
    }
}
