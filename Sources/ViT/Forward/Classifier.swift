/// What turns a model's tokens into one logit a class: the model's own head, a linear one trained on it, or texts that
/// the picture is compared with.
package struct Classifier: Sendable {
    private enum Head: Sendable {
        case own
        case linear(LinearHead)
        case texts(TextClassifier)
    }

    private let head: Head
    private let specialTokens: Int
    /// What it reads of the tokens; of several features the first.
    package let pooling: Pooling
    /// Number of classes.
    package let classes: Int

    /// The model's own head, or the linear one that came with it; nil for a model without.
    package init?(ownOf model: Model) {
        if let linear = model.linearHead {
            self.init(linear, for: model)
            return
        }
        guard model.configuration.classes > 0 else { return nil }
        self.init(
            .own, of: model, pooling: model.configuration.pooling, classes: model.configuration.classes)
    }

    /// A linear classifier on the model's tokens.
    package init(_ linear: LinearHead, for model: Model) {
        self.init(
            .linear(linear), of: model, pooling: linear.blocks > 0 ? .classToken : .meanPatch,
            classes: linear.classes)
    }

    /// Texts as classes of the model that they were made for.
    package init(_ texts: TextClassifier) {
        self.init(
            .texts(texts), of: texts.model, pooling: texts.model.configuration.pooling, classes: texts.classes
        )
    }

    private init(_ head: Head, of model: Model, pooling: Pooling, classes: Int) {
        self.head = head
        specialTokens = model.configuration.specialTokens
        self.pooling = pooling
        self.classes = classes
    }

    /// The linear head, nil where it is another.
    var linear: LinearHead? { if case .linear(let linear) = head { linear } else { nil } }

    /// The texts, nil where classes are something else.
    var texts: TextClassifier? { if case .texts(let texts) = head { texts } else { nil } }

    /// The tokens of the texts that are its classes; nil where they are something else.
    package var textTokens: [[Int]]? { texts?.tokens }

    /// Adds what the classifier needs to a request.
    package func require(of request: inout ForwardRequest) {
        switch head {
        case .own:
            request.wantsLogits = true
        case .linear(let linear):
            linear.reading.require(of: &request)
        case .texts(let texts):
            texts.require(of: &request)
        }
    }

    /// - Parameter result: of a request that `require` has been applied to.
    /// - Returns: one logit a class.
    package func logits(_ result: ForwardResult) -> [Float] {
        switch head {
        case .own:
            return result.logits
        case .linear(let linear):
            return linear.logits(
                linear.reading.values(of: result, specialTokens: specialTokens, width: linear.width))
        case .texts(let texts):
            return texts.logits(of: result)
        }
    }
}
