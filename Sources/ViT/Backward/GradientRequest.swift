/// The number whose gradient is taken.
package enum GradientTarget: Sendable, Hashable {
    /// A class's logit by the request's classifier; with a distillation token the mean of the two heads', as
    /// DeiT does at inference.
    case logit(Int)
    /// The logit of the class that the classifier puts first.
    case topLogit
    /// `vector · norm[class token]`, for models without a classifier: a linear head's row, a text embedding,
    /// … The vector has D values.
    case classToken([Float])
    /// `Σ weights ⊙ norm`, over all tokens after the final LayerNorm, `tokens × D`.
    case tokens([Float])
}

/// A gradient that the backward pass shows an observer.
package enum GradientStage: Sendable, Hashable {
    /// With respect to softmax's output, in strips: from the first token on, of each strip all heads in
    /// order.
    case attention(block: Int)
    /// With respect to softmax's input QKᵀ/√d, in strips as `attention`. The value shown beside it is
    /// softmax's output.
    case scores(block: Int)
    /// With respect to a block's output, `tokens × D`.
    case block(Int)
    /// With respect to what goes into the first block, `tokens × D`.
    case embedding

    /// The block it belongs to.
    package var block: Int? {
        switch self {
        case .attention(let block), .scores(let block), .block(let block): block
        case .embedding: nil
        }
    }
}

/// A value with its gradient; both last only for the call that they are lent to.
package struct ObservedGradient {
    package let stage: GradientStage
    /// The head, for `attention` and `scores`.
    package let head: Int?
    /// The token of the first row.
    package let firstRow: Int
    package let rows: Int
    package let columns: Int
    /// `rows × columns`, of the forward pass.
    package let value: UnsafeBufferPointer<Float>
    /// `rows × columns`.
    package let gradient: UnsafeBufferPointer<Float>
}

/// What a backward pass should give back.
package struct GradientRequest: Sendable {
    package var target: GradientTarget
    /// What the logits are of; nil for the model's own head or the linear one that came with it.
    package var classifier: Classifier?
    /// Whether to take the gradient with respect to the normalized pixels.
    package var wantsInput: Bool
    /// Whether to take the gradients with respect to the parameters: as much memory as the model's weights.
    package var wantsParameters: Bool
    /// Whether `BackwardPass.replayAttention` will be called: keeps `depth × tokens × D` floats more.
    package var keepsAttention: Bool
    /// The block at whose attention the pass ends; 0 to go through to the input.
    package var firstBlock: Int

    package init(
        target: GradientTarget, classifier: Classifier? = nil, wantsInput: Bool = false,
        wantsParameters: Bool = false, keepsAttention: Bool = false, firstBlock: Int = 0
    ) {
        precondition(
            firstBlock == 0 || !(wantsInput || wantsParameters || keepsAttention),
            "what lies below is reached by the whole pass alone")
        self.target = target
        self.classifier = classifier
        self.wantsInput = wantsInput
        self.wantsParameters = wantsParameters
        self.keepsAttention = keepsAttention
        self.firstBlock = firstBlock
    }
}

package struct GradientResult: Sendable {
    /// The number that was differentiated.
    package var score: Float
    /// One logit per class; empty where there is no classifier.
    package var logits: [Float]
    /// The class differentiated, where it was one.
    package var targetClass: Int?
    /// Of an attention probe that the target is pooled by: its attention times the gradient with respect to it,
    /// `heads × patches`; else empty.
    package var probe: [Float] = []
    /// With respect to the normalized input, `3 × rows·patch × columns·patch`, where asked for.
    package var input: [Float] = []
    /// With respect to each parameter under its canonical name and in its shape (`CanonicalNames`), where
    /// asked for; without those of a linear head, of an attention probe and of tables of relative positions.
    package var parameters: [String: [Float]] = [:]
}
