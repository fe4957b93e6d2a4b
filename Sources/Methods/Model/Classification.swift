import ViT

/// How a source classifies its frames.
package struct Classification: Sendable {
    package let classifier: Classifier
    package let labels: ClassLabels
    /// How many of the likeliest classes are shown on the picture; 0 for none.
    package let shownCount: Int

    package init(classifier: Classifier, labels: ClassLabels, shownCount: Int) {
        self.classifier = classifier
        self.labels = labels
        self.shownCount = shownCount
    }
}

/// What a classifier takes a frame for.
package struct FramePrediction: Sendable {
    /// One a class.
    package let logits: [Float]
    package let topLabel: String
    /// The likeliest classes with their probabilities, as shown on the picture.
    package let shownLines: [String]

    package init(logits: [Float], topLabel: String, shownLines: [String] = []) {
        self.logits = logits
        self.topLabel = topLabel
        self.shownLines = shownLines
    }

    package init(logits: [Float], _ classification: Classification) {
        self.init(logits: logits, labels: classification.labels, shownCount: classification.shownCount)
    }

    /// - Parameter shownCount: how many of the likeliest classes are shown on the picture.
    package init(logits: [Float], labels: ClassLabels, shownCount: Int) {
        self.logits = logits
        let ranked = labels.top(max(shownCount, 1), of: logits)
        topLabel = ranked.first?.name ?? ""
        shownLines = ranked.prefix(shownCount).map {
            "\($0.name)  \(Int(($0.probability * 100).rounded())) %"
        }
    }
}
