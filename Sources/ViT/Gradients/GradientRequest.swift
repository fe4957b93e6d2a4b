/// The number whose gradient is taken.
public enum GradientTarget: Sendable, Hashable {
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

/// A value of the reverse pass that an observer is shown.
public enum GradientStage: Sendable, Hashable {
    /// By softmax's output, in strips: from the first token on, of each strip all heads in order.
    case attention(block: Int)
    /// By softmax's input QKᵀ/√d, in strips as `attention`. The value shown beside it is softmax's output.
    case scores(block: Int)
    /// By what a block put out, `tokens × D`.
    case block(Int)
    /// By what goes into the first block, `tokens × D`.
    case embedding

    /// The block it belongs to.
    public var block: Int? {
        switch self {
        case .attention(let block), .scores(let block), .block(let block): block
        case .embedding: nil
        }
    }
}

/// A value with its gradient; both last only for the call that they are lent to.
public struct ObservedGradient {
    public let stage: GradientStage
    /// The head, for `attention` and `scores`.
    public let head: Int?
    /// The token of the first row.
    public let firstRow: Int
    public let rows: Int
    public let columns: Int
    /// `rows × columns`, of the forward pass.
    public let value: UnsafeBufferPointer<Float>
    /// `rows × columns`.
    public let gradient: UnsafeBufferPointer<Float>
}

/// What a reverse pass should give back.
public struct GradientRequest: Sendable {
    public var target: GradientTarget
    /// What the logits are of; nil for the model's own head or the linear one that came with it.
    public var classifier: Classifier?
    /// Whether to go down to the normalised pixels.
    public var wantsInput: Bool
    /// Whether to take the gradient by every parameter: as much memory again as the model's weights.
    public var wantsParameters: Bool
    /// Whether `BackwardPass.replayAttention` will be called: keeps `depth × tokens × D` floats more.
    public var keepsAttention: Bool

    public init(
        target: GradientTarget, classifier: Classifier? = nil, wantsInput: Bool = false,
        wantsParameters: Bool = false, keepsAttention: Bool = false
    ) {
        self.target = target
        self.classifier = classifier
        self.wantsInput = wantsInput
        self.wantsParameters = wantsParameters
        self.keepsAttention = keepsAttention
    }
}

public struct GradientResult: Sendable {
    /// The number that was differentiated.
    public var score: Float
    /// One logit per class; empty where there is no classifier.
    public var logits: [Float]
    /// The class differentiated, where it was one.
    public var targetClass: Int?
    /// By the normalised input, `3 × rows·patch × columns·patch`, where asked for.
    public var input: [Float] = []
    /// By each parameter under its canonical name and in its shape (`CanonicalNames`), where asked for; a
    /// linear head's own are not among them.
    public var parameters: [String: [Float]] = [:]
}

/// Why there is no gradient to take.
public enum GradientError: Error, Sendable, Equatable, CustomStringConvertible {
    case noClassifier(model: String)
    case noSuchClass(Int, classes: Int)
    /// A vector of another length than the model's.
    case wrongLength(Int, expected: Int)

    public var description: String {
        switch self {
        case .noClassifier(let model):
            "the model '\(model)' has no classifier, so there is no class to take a gradient of; choose a "
                + "supervised model or give a linear classifier"
        case .noSuchClass(let index, let classes):
            "there is no class \(index): the model has classes 0 to \(classes - 1)"
        case .wrongLength(let count, let expected):
            "a gradient's weights are \(count) values where the model has \(expected)"
        }
    }
}
