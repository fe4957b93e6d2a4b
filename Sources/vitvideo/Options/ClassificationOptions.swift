import ArgumentParser
import Pipeline
import ViT

/// Whether and how frames are classified.
struct ClassificationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Show the likeliest classes on the picture: 'imagenet' for the ImageNet-1k names, fetched once, or a \
            file with one name a line. For models with a classifier.
            """, valueName: "imagenet|file"))
    var labels: String?

    @Option(help: ArgumentHelp("How many classes --labels shows.", valueName: "k"))
    var topK: Int = 3

    @Option(
        help: ArgumentHelp(
            "Linear classifier for --model, as DINO publishes it (*_linearweights.pth).", valueName: "file"))
    var head: String?

    func validate() throws {
        guard (1...20).contains(topK) else { throw ValidationError("--top-k is 1 to 20") }
    }

    /// How a model's frames are classified; nil where they are not.
    ///
    /// - Parameters:
    ///   - isMain: whether it is --model, which --head is for.
    ///   - wantsNumbers: whether logits are exported or the top label joins statistics.
    /// - Throws: `ModelError`, `CheckpointError`; `Failure` where labels are asked for and nothing classifies.
    func classification(
        of model: Model, isMain: Bool, wantsNumbers: Bool, offline: Bool
    ) throws -> Classification? {
        guard labels != nil || wantsNumbers else { return nil }
        var classifier = Classifier(ownOf: model)
        if let head, isMain {
            classifier = Classifier(try LinearHead.load(head, for: model.configuration), for: model)
        }
        guard let classifier else {
            if labels != nil && isMain {
                throw Failure(
                    .usage, "\(model.name) has no classifier for --labels; give one with --head FILE")
            }
            return nil
        }
        return Classification(
            classifier: classifier, labels: try names(offline: offline), shownCount: labels == nil ? 0 : topK)
    }

    private func names(offline: Bool) throws -> ClassLabels {
        switch labels {
        case nil: ClassLabels(names: [])
        case "imagenet": try ClassLabels.imageNet(from: .standard(), offline: offline)
        case let path?: try ClassLabels(contentsOf: path)
        }
    }
}
