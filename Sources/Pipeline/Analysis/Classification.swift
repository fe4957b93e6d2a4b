import ViT

/// How a source classifies its frames.
public struct Classification: Sendable {
    public let classifier: Classifier
    public let labels: ClassLabels
    /// How many of the likeliest classes are shown on the picture; 0 for none.
    public let shownCount: Int

    public init(classifier: Classifier, labels: ClassLabels, shownCount: Int) {
        self.classifier = classifier
        self.labels = labels
        self.shownCount = shownCount
    }
}

/// What a classifier takes a frame for.
public struct FramePrediction: Sendable {
    /// One a class.
    public let logits: [Float]
    public let topLabel: String
    /// The likeliest classes with their probabilities, as shown on the picture.
    public let shownLines: [String]

    init(logits: [Float], topLabel: String, shownLines: [String] = []) {
        self.logits = logits
        self.topLabel = topLabel
        self.shownLines = shownLines
    }

    init(logits: [Float], _ classification: Classification) {
        self.logits = logits
        let ranked = classification.labels.top(max(classification.shownCount, 1), of: logits)
        topLabel = ranked.first?.name ?? ""
        shownLines = ranked.prefix(classification.shownCount).map {
            "\($0.name)  \(Int(($0.probability * 100).rounded())) %"
        }
    }
}
