import Methods

/// A part of the report: a method's section, or what is said of a model or of all pictures together.
package struct ReportSection: Sendable {
    package enum Content: Sendable {
        /// What a method shows of each picture.
        case method(MethodSection)
        /// The likeliest classes of each picture.
        case prediction
        /// Mean attention distance over all pictures.
        case distance
        /// The filters of the model's patch embedding.
        case filters
        /// Similarity of the model's position embeddings.
        case positions
    }

    /// The name that `--only` has for it.
    package let name: String
    let title: String
    /// Sections stand on the page in the order of these.
    let place: Int
    let content: Content
    /// What a reader has to know to read the section, in plain words.
    let explanation: @Sendable (ReportSettings) -> String

    /// Every section there is, in the order of the page.
    package static let all = all(of: .standard)

    /// - Parameter registry: the methods whose sections are among them.
    static func all(of registry: MethodRegistry) -> [ReportSection] {
        let methods = registry.methods.compactMap(\.section).map(ReportSection.init)
        return (methods + [.prediction, .distance, .filters, .positions]).sorted { $0.place < $1.place }
    }

    /// Whether it shows single pictures; other parts show all of them together, or the model alone.
    var isOfPictures: Bool {
        switch content {
        case .method, .prediction: true
        case .distance, .filters, .positions: false
        }
    }

    /// Whether it needs classes.
    var needsClassifier: Bool {
        switch content {
        case .method(let section): section.needsClassifier
        case .prediction: true
        case .distance, .filters, .positions: false
        }
    }

    private init(_ section: MethodSection) {
        self.init(
            name: section.name, title: section.title, place: section.place, content: .method(section),
            explanation: section.explanation)
    }

    private init(
        name: String, title: String, place: Int, content: Content,
        explanation: @escaping @Sendable (ReportSettings) -> String
    ) {
        self.name = name
        self.title = title
        self.place = place
        self.content = content
        self.explanation = explanation
    }

    static let prediction = ReportSection(
        name: "prediction", title: "Prediction", place: 0, content: .prediction
    ) {
        _ in "What the classifier takes each picture for; probabilities are softmax over all classes."
    }

    static let distance = ReportSection(
        name: "distance", title: "Mean attention distance", place: 50, content: .distance
    ) { _ in
        "How far a patch looks, on average over the pictures: the mean over patches of the distance "
            + "in pixels to the other patches, weighted by attention and not renormalised for what goes to "
            + "the class token. Low heads look around the patch, high ones across the picture."
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
