import Base
import Methods
import ModelZoo
import Pipeline
import ViT
import VideoIO

extension UnitOptions.Target {
    /// Whether what is given are pictures.
    var takesPictures: Bool { self == .classToken }
}

extension UnitOptions {
    /// The classifier that logits are of, and its classes' names where they are told; nil for other targets.
    ///
    /// - Throws: `VitvideoError` where nothing classifies, or a file does not fit.
    func classification(of model: Model, offline: Bool) throws -> (Classifier, names: ClassLabels?)? {
        guard target == .logit else { return nil }
        if texts.isWanted {
            let (classifier, labels) = try texts.classes(of: model, offline: offline)
            return (classifier, labels)
        }
        let classifier = try classifier(of: model)
        let names = try labels.map {
            try ClassLabels(
                given: $0, of: model.name, own: model.classNames, classes: classifier.classes,
                offline: offline)
        }
        return (classifier, names)
    }

    private func classifier(of model: Model) throws -> Classifier {
        if let headFile {
            return Classifier(try LinearHead.load(headFile, for: model.configuration), for: model)
        }
        guard let own = Classifier(ownOf: model) else {
            throw VitvideoError(
                .usage, reason: "\(model.name) has no classifier, so there is no class for --target logit",
                nextStep: .advice("choose a supervised model or give a classifier with --head FILE"))
        }
        return own
    }

    /// The units that lists of neurons, channels or classes name.
    ///
    /// - Throws: `VitvideoError`.
    func chosen(
        _ arguments: [String], of model: Model, _ classification: (Classifier, names: ClassLabels?)?
    ) throws -> [VisualizedUnit] {
        let c = model.configuration
        if let (classifier, names) = classification {
            return try classes(arguments, count: classifier.classes, names).map {
                VisualizedUnit(name: $0.name, target: .logit($0.index), layer: nil)
            }
        }
        let list = arguments.joined(separator: ",")
        guard let projection = target.projection else {
            return try NeuronAddress.list(list, of: c).map {
                VisualizedUnit(name: "\($0)", target: .neuron($0), layer: $0.block)
            }
        }
        guard let head = headIndex else {
            let units = NeuronAddress.Units(name: "channel", count: c.width)
            return try NeuronAddress.list(list, of: c, units: units).map {
                VisualizedUnit(
                    name: "\(target.rawValue) \($0)",
                    target: .channels(projection, block: $0.block, $0.index..<$0.index + 1), layer: $0.block)
            }
        }
        guard (0..<c.heads).contains(head) else { throw VitvideoError.noSuchHead(head, heads: c.heads) }
        if let layers = layers(list) {
            return try layers.map { layer in
                let block = try model.block(at: layer)
                return VisualizedUnit(
                    name: "\(target.rawValue) \(block), head \(head)",
                    target: .channels(projection, block: block, ofHead: head, c), layer: block)
            }
        }
        let units = NeuronAddress.Units(name: "channel", count: c.headWidth)
        return try NeuronAddress.list(list, of: c, units: units).map {
            let channel = head * c.headWidth + $0.index
            return VisualizedUnit(
                name: "\(target.rawValue) \($0), head \(head)",
                target: .channels(projection, block: $0.block, channel..<channel + 1), layer: $0.block)
        }
    }

    /// `0,5,-1`; nil for another list.
    private func layers(_ list: String) -> [Int]? {
        let parts = list.split(separator: ",", omittingEmptySubsequences: false)
        let layers = parts.compactMap { Int($0) }
        return layers.count == parts.count ? layers : nil
    }

    private func name(_ index: Int, _ names: ClassLabels?) -> String {
        names.map { "\(index) \($0.shortName(index))" } ?? "class \(index)"
    }

    /// Classes by number, in lists too, or by name.
    func classes(
        _ arguments: [String], count: Int, _ names: ClassLabels?
    ) throws -> [(index: Int, name: String)] {
        try arguments.flatMap { argument -> [(index: Int, name: String)] in
            let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
            let numbers = parts.compactMap { Int($0) }
            // A name may hold commas.
            let choices = numbers.count == parts.count ? numbers.map(ClassChoice.index) : [.name(argument)]
            if names == nil, numbers.count < parts.count {
                throw VitvideoError(
                    .usage, reason: "no class is called \(quoted(argument))",
                    nextStep: .advice(
                        "give a class's number, 0 to \(count - 1), or the names with --labels"))
            }
            return try choices.compactMap { choice in
                let index = try choice.index(
                    among: names ?? ClassLabels(names: []), classes: count)
                return index.map { ($0, name($0, names)) }
            }
        }
    }
}

/// The direction of the class token on a picture.
enum ClassTokenDirection {
    /// - Parameter side: of the square out of the picture's middle that the model is shown, in pixels.
    /// - Throws: `VitvideoError`.
    static func unit(of path: String, _ model: Model, side: Int) throws -> VisualizedUnit {
        let c = model.configuration
        guard c.prefix.hasClassToken else {
            throw VitvideoError(.usage, reason: "\(model.name) has no class token")
        }
        let reader = try VideoReader.open(path, options: ReaderOptions(keepAudio: false, threads: 1))
        defer { reader.close() }
        guard let frame = try reader.nextFrame() else {
            throw VitvideoError(.badData, cannot: "read", path: path, reason: "it holds no picture")
        }
        let preprocessor = Preprocessor(configuration: c, resolution: .shortSide(side))
        let result = try ForwardPass(model: model).run(
            try preprocessor.patches(of: frame.image), ForwardRequest(attentionBlocks: [], wantsTokens: true))
        let token = result.tokens.prefix(c.width)
        let length = token.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return VisualizedUnit(
            name: FileName.shown(path.lastPathPart), target: .classToken(token.map { $0 / length }),
            layer: nil)
    }
}
