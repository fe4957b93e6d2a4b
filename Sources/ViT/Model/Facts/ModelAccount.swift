import Base

/// How a loaded model came to be taken for what it is.
package struct ModelAccount: Sendable, Hashable {
    /// Why each part of the configuration is believed; parts that are not listed come of the known model.
    package var beliefs: [ModelFact: Belief] = [:]
    /// What stood before the model's own names in the file, dictionaries of a training checkpoint included:
    /// "teacher.backbone."; empty for nothing.
    package var prefix = ""
    /// Why the classifier that the file has is not computed; nil where it is, or there is none.
    package var classifierObstacle: String?
    /// What the user should know about how the file was read.
    package var notices: [ModelNotice] = []

    package init() {}

    /// Parts that nobody has told, in the order of their options.
    package var assumed: [ModelFact] { ModelFact.allCases.filter { beliefs[$0] == .assumption } }
}

/// A remark on a weights file: what was found or assumed, and what changes it.
package struct ModelNotice: Sendable, Hashable {
    package let text: String
    package let nextStep: NextStep?

    package init(_ text: String, nextStep: NextStep? = nil) {
        self.text = text
        self.nextStep = nextStep
    }

    /// - Parameter words: how the command line calls a next step.
    package func line(_ words: (NextStep) -> String) -> String {
        nextStep.map { "\(text); \(words($0))" } ?? text
    }
}
