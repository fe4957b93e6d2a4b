import ArgumentParser
import Base
import Graph
import Methods
import ModelZoo
import ViT

/// Whether and how frames are classified.
struct ClassificationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Show the likeliest classes on the picture: 'imagenet' for the ImageNet-1k names, fetched once, 'model' \
            for those that the model's file holds, or a file with one name a line. For models with a classifier.
            """, valueName: "imagenet|model|file"))
    var labels: String?

    @OptionGroup var texts: TextOptions

    @Option(help: ArgumentHelp("How many classes --labels and --text show.", valueName: "k"))
    var topK: Int = 3

    func validate() throws {
        guard (1...20).contains(topK) else { throw ValidationError("--top-k is 1 to 20") }
    }

    var settings: JobSettings { [("--labels", labels), ("--top-k", "\(topK)")] + texts.settings }

    /// What a command says to classify frames likewise.
    var arguments: [String] {
        (labels.map { ["--labels", $0] } ?? []) + texts.texts.flatMap { ["--text", $0] }
            + (texts.tokenizer.map { ["--tokenizer", $0] } ?? [])
            + (labels != nil || texts.isWanted ? ["--top-k", "\(topK)"] : [])
    }

    /// Files whose content decides about the outputs.
    var files: [String] { labels.map { ["imagenet", "model"].contains($0) ? [] : [$0] } ?? [] }

    /// How a model's frames are classified; nil where they are not.
    ///
    /// - Parameters:
    ///   - isMain: whether it is --model, which `headFile` is for. Texts are classes of it, and of others that have a
    ///     text tower.
    ///   - headFile: a linear classifier's file, for a model that has none of its own or another one.
    ///   - wantsNumbers: whether logits are exported or the top label joins statistics.
    ///   - target: the class that a gradient is taken of, where one is.
    /// - Throws: `VitvideoError`, also where labels or a gradient are asked for and
    ///   nothing classifies, and for a class by its name where the names are not known.
    func classification(
        of model: Model, isMain: Bool, headFile: String?, wantsNumbers: Bool, target: ClassChoice? = nil,
        offline: Bool
    ) throws -> Classification? {
        guard labels != nil || texts.isWanted || wantsNumbers || target != nil else { return nil }
        if texts.isWanted, isMain || model.textTower != nil {
            let (classifier, labels) = try texts.classes(of: model, offline: offline)
            return Classification(classifier: classifier, labels: labels, shownCount: topK)
        }
        var classifier = Classifier(ownOf: model)
        if let headFile, isMain {
            classifier = Classifier(try LinearHead.load(headFile, for: model.configuration), for: model)
        }
        guard let classifier else {
            if let obstacle = model.account.classifierObstacle, target != nil || labels != nil && isMain {
                throw VitvideoError(
                    .badData,
                    reason: "\(model.name) gives no classes: \(obstacle), which is not computed here",
                    nextStep: .advice("give a linear classifier with --head FILE, or leave the classes out"))
            }
            if target != nil {
                throw VitvideoError(
                    .usage,
                    reason: "\(model.name) has no classifier, so there is no class for --method "
                        + MethodRegistry.standard.names(with: MethodOptions.targetClass) + "; "
                        + "choose a supervised model"
                        + (isMain ? " or give a classifier with --head FILE" : ""))
            }
            if labels != nil && isMain {
                throw VitvideoError(
                    .usage, reason: "\(model.name) has no classifier for --labels; give one with --head FILE")
            }
            return nil
        }
        return Classification(
            classifier: classifier,
            labels: try names(
                of: model.name, classes: classifier.classes, own: headFile == nil ? model.classNames : [],
                target: target, offline: offline),
            shownCount: labels == nil ? 0 : topK)
    }

    /// The names and the number of the classes that a transformer of any build gives; nil and 0 where frames are not
    /// classified.
    ///
    /// - Parameters: as above.
    /// - Throws: as above, and for what classifies plain Vision Transformers alone.
    func classes(
        of model: GraphModel, name: String, isMain: Bool, headFile: String?, wantsNumbers: Bool,
        target: ClassChoice?,
        offline: Bool
    ) throws -> (ClassLabels?, Int) {
        if isMain, texts.isWanted || headFile != nil {
            throw VitvideoError(
                .usage,
                reason:
                    "\(texts.isWanted ? "--text" : "--head FILE") classifies by a plain Vision Transformer, and \(name) "
                    + "is another (\(model.title))", nextStep: .advice("leave it out"))
        }
        guard labels != nil || wantsNumbers || target != nil else { return (nil, 0) }
        let classes = try model.nativeInstance().classes
        guard classes > 0 else {
            if target != nil { throw VitvideoError.noClassifier(model: name) }
            if labels != nil && isMain {
                throw VitvideoError(.usage, reason: "\(name) has no classifier for --labels")
            }
            return (nil, 0)
        }
        let labels = try names(
            of: name, classes: classes, own: model.classNames, target: target, offline: offline)
        return (labels, classes)
    }

    /// - Parameter own: the names that the model's file holds.
    /// - Throws: as `ClassLabels.init(given:of:own:classes:offline:)`.
    private func names(
        of model: String, classes: Int, own: [String], target: ClassChoice?, offline: Bool
    ) throws -> ClassLabels {
        switch (labels, target) {
        case (let list?, _):
            return try ClassLabels(given: list, of: model, own: own, classes: classes, offline: offline)
        case (nil, _) where own.count == classes: return ClassLabels(names: own)
        case (nil, .name(let name)):
            guard classes == ClassLabels.imageNetCount else {
                throw VitvideoError(
                    .usage,
                    reason:
                        "--class '\(name)' is a name; give the names of the \(classes) classes with --labels FILE, "
                        + "or the class's number")
            }
            return try ClassLabels.imageNet(from: .standard(), offline: offline)
        case (nil, _):
            return ClassLabels(names: [])
        }
    }
}

extension ClassLabels {
    /// The names that --labels gives: ImageNet's, the model's own, or a file's.
    ///
    /// - Parameters:
    ///   - list: "imagenet", "model" or a path.
    ///   - model: what to call it.
    ///   - own: the names that its file holds.
    /// - Throws: `VitvideoError` of kind `usage` for ImageNet's names of other classes than its 1,000 and for names that the
    ///   model does not have, of kind `badData` for a list of another length than the classes.
    init(given list: String, of model: String, own: [String], classes: Int, offline: Bool) throws {
        if list == "model" {
            guard own.count == classes else {
                throw VitvideoError(
                    .usage, reason: "the file of \(model) holds no names of its classes",
                    nextStep: .advice("give them with --labels FILE"))
            }
            self.init(names: own)
            return
        }
        guard list == "imagenet" else {
            self = try ClassLabels(contentsOf: list)
            guard names.count == classes else {
                throw VitvideoError.labelsDoNotFit(
                    path: list, problem: "has \(names.count) names, and \(model) has \(classes) classes")
            }
            return
        }
        guard classes == ClassLabels.imageNetCount else {
            throw VitvideoError(
                .usage,
                reason: "--labels imagenet names \(ClassLabels.imageNetCount) classes, and \(model) has "
                    + "\(classes); give their names with --labels FILE")
        }
        self = try ClassLabels.imageNet(from: .standard(), offline: offline)
    }
}
