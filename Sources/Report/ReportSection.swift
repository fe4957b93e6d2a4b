import Methods

/// A part of the report: a method's section, or what is said of a model or of all pictures together.
package struct ReportSection: Sendable {
    enum Content: Sendable {
        /// What a method shows of each picture.
        case method(MethodSection)
        /// The likeliest classes of each picture.
        case prediction
        /// What is measured of all pictures together.
        case survey(any Survey)
        /// The filters of the model's patch embedding.
        case filters
        /// Similarity of the model's position embeddings.
        case positions
    }

    /// When a report has a section.
    package enum Presence: Sendable {
        /// Unless others are named.
        case unasked
        /// Likewise, where boxes are given; without them never.
        case withBoxes
        /// Only where it is named: it takes long.
        case named
    }

    /// The name that `--only` has for it.
    package let name: String
    let title: String
    /// Sections stand on the page in the order of these.
    let place: Int
    let content: Content
    /// When a report has it.
    package let presence: Presence
    /// What a reader has to know to read the section, in plain words.
    let explanation: @Sendable (ReportSettings) -> String

    /// Every section there is, in the order of the page.
    package static let all = all(of: .standard)

    /// - Parameter registry: the methods whose sections are among them.
    static func all(of registry: MethodRegistry) -> [ReportSection] {
        let methods = registry.methods.compactMap(\.section).map(ReportSection.init)
        let others: [ReportSection] = [
            .prediction, .distance, .globalization, .classToken, .background, .neurons, .filters, .positions,
        ]
        return (methods + others).sorted { $0.place < $1.place }
    }

    /// Whether a report has it that does not name its sections.
    func isThereUnasked(hasBoxes: Bool) -> Bool {
        switch presence {
        case .unasked: true
        case .withBoxes: hasBoxes
        case .named: false
        }
    }

    /// Whether boxes, or their labels, make a difference to it.
    package var usesBoxes: Bool { presence == .withBoxes || name == Self.classToken.name }

    /// Whether it shows single pictures; other parts show all of them together, or the model alone.
    var isOfPictures: Bool {
        switch content {
        case .method, .prediction: true
        case .survey, .filters, .positions: false
        }
    }

    /// Whether it needs classes.
    var needsClassifier: Bool {
        switch content {
        case .method(let section): section.needsClassifier
        case .prediction: true
        case .survey, .filters, .positions: false
        }
    }

    private init(_ section: MethodSection) {
        self.init(
            name: section.name, title: section.title, place: section.place, content: .method(section),
            explanation: section.explanation)
    }

    private init(
        name: String, title: String, place: Int, content: Content, presence: Presence = .unasked,
        explanation: @escaping @Sendable (ReportSettings) -> String
    ) {
        self.name = name
        self.title = title
        self.place = place
        self.content = content
        self.presence = presence
        self.explanation = explanation
    }

    static let prediction = ReportSection(
        name: "prediction", title: "Prediction", place: 0, content: .prediction
    ) {
        _ in "What the classifier takes each picture for; probabilities are softmax over all classes."
    }

    static let distance = ReportSection(
        name: "distance", title: "Mean attention distance", place: 50, content: .survey(DistanceSurvey())
    ) { _ in
        "How far a patch looks, on average over the pictures: the mean over patches of the distance "
            + "in pixels to the other patches, weighted by attention and not renormalised for what goes to "
            + "the class token. Low heads look around the patch, high ones across the picture."
    }

    static let globalization = ReportSection(
        name: "globalization", title: "Globalization", place: 52, content: .survey(GlobalizationSurvey())
    ) { _ in
        "How uniform neurons are over a picture. Of the variance of a neuron of the feed-forward part, "
            + "after the activation, over all patches of all pictures, some lies within pictures, the rest "
            + "between them. A neuron that marks places has most of it within; of one that does the same at "
            + "every patch of a picture, and differs from picture to picture, all lies between. Shown is "
            + "the share within pictures, its mean over a layer's neurons. Ghiasi et al. 2022 (arXiv "
            + "2212.06727) looked at the maps of single neurons: they are localised in all layers but the "
            + "last, where they are almost uniform over the picture, because the last layer spreads what "
            + "was found to every patch."
    }

    static let classToken = ReportSection(
        name: "class-token", title: "The class token's part", place: 54, content: .survey(ClassTokenSurvey()),
        presence: .named
    ) { _ in
        "In the first layers, as many as the axis says, the class token attends to itself alone and all "
            + "other tokens, registers included, to one another; from there on they are together. Where "
            + "what the pictures show is known, the accuracy tells what that costs; else the class token "
            + "after the last norm, by its cosine with that of the undivided run, and the correlation of "
            + "the last layer's class attention, mean over heads, with the undivided run's. With all layers "
            + "divided there is no attention to patches to compare. In Ghiasi et al. 2022 (ViT-B/16 at 384 "
            + "on ImageNet's validation pictures) top-1 is 84.20 % undivided, 83.22 % with four layers "
            + "divided, 81.10 % with nine and 78.61 % with all but the last, so that most of the answer is "
            + "gathered from the patches in the last layer. With all twelve divided it is 0.10 %. The classifier can "
            + "also be asked at every patch: their Table 1 has a top-1 of 75.75 % on average over the "
            + "patches and 80.16 % at the best patch (top-5 90.99 % and 95.65 %), where the class token has "
            + "84.20 % (97.16 %)."
    }

    static let background = ReportSection(
        name: "background", title: "Background and foreground", place: 56,
        content: .survey(BackgroundSurvey()),
        presence: .withBoxes
    ) { _ in
        "The picture whole, with its box black (the background alone), and with all but the box black (the "
            + "foreground alone), before it is resized; of a picture with several boxes the first counts. "
            + "Where what the boxes hold is known, the table has the accuracy, and how much of the whole "
            + "pictures' accuracy is kept; else the cosine of the class token after the last norm with the "
            + "whole picture's. Table 2 of Ghiasi et al. 2022, on ImageNet's training pictures: of its "
            + "top-5 of 99.22 % ViT-B/16 keeps 95.64 % on the foreground and 31.59 % on the background; "
            + "ResNet-50 keeps 89.69 % and 18.69 % of 98.00 %. " + MethodSection.scaleNote
    }

    static let neurons = ReportSection(
        name: "neurons", title: "Neurons", place: 58, content: .survey(NeuronSurvey()), presence: .named
    ) { _ in
        "A few neurons of each layer's feed-forward part, after the activation, with the pictures that "
            + "excite them most by the mean over the patches, and what they do at every patch; all pictures "
            + "of a neuron share one scale of colours. They are the neurons that fire most selectively, by "
            + "lifetime sparsity over the n pictures, S = (1 − (Σr/n)²/(Σr²/n))/(1 − 1/n) with r the mean "
            + "over patches, 0 where it is negative: 0 for a neuron that all pictures excite alike, 1 for "
            + "one that a single picture excites. They are chosen among the tenth of a layer's neurons that "
            + "their best picture excites most. Ghiasi et al. 2022 found that such pictures share "
            + "edges and textures in early layers, parts and objects in later ones, and that the maps mark "
            + "them, but in the last layer are almost uniform over the picture."
    }

    static let filters = ReportSection(
        name: "filters", title: "Projection filters", place: 70, content: .filters
    ) { _ in
        "What the patch embedding projects pixels on: its first 128 filters, each scaled from its "
            + "smallest value to its largest."
    }

    static let positions = ReportSection(
        name: "positions", title: "Position similarity", place: 80, content: .positions
    ) { _ in
        "Dot products of the learned position embeddings with one another: bright where the model "
            + "holds two places to be alike. Below, single rows of the matrix as pictures, each from its own "
            + "minimum to its maximum."
    }
}
