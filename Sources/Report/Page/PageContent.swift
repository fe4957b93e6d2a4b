import ViT

/// What a page says of one model in one place.
struct PageEntry: Sendable {
    enum Content: Sendable {
        case figures([PageFigure])
        /// Why there is no figure.
        case note(String)
        /// The likeliest classes, and the archive of all logits.
        case classes([ClassLabels.Ranked], arrays: String)
        /// What was found out, and the archive behind it.
        case text(String, arrays: String)
        case table(PageTable)
    }

    /// Nil for what all models share.
    let model: String?
    let contents: [Content]

    init(model: String?, _ contents: [Content]) {
        self.model = model
        self.contents = contents
    }

    init(model: String? = nil, _ contents: Content...) { self.init(model: model, contents) }
}

/// Rows of numbers; the first column says what they are of.
struct PageTable: Sendable, Equatable {
    let head: [String]
    let rows: [[String]]
}

/// The models side by side, for one picture or for all.
struct PageBlock: Sendable {
    /// The picture's path, or what else the block is about; nil for what is about the whole.
    let heading: String?
    var entries: [PageEntry]

    init(heading: String? = nil, entries: [PageEntry]) {
        self.heading = heading
        self.entries = entries
    }
}

/// Everything that a page shows.
struct PageContent: Sendable {
    var subjects: [any ReportModel]
    var options: ReportOptions
    var version: String
    /// How many pictures were named.
    var named = 0
    /// How many were measured, or shown where nothing is measured of all.
    var used = 0
    /// What was wrong with those left out.
    var skipped: [String] = []
    var isInterrupted = false
    /// By the section's name.
    var blocks: [String: [PageBlock]] = [:]
}
