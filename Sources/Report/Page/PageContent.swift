import ViT

/// What a page says of one model in one place.
struct PageEntry: Sendable {
    enum Content: Sendable {
        case figures([PageFigure])
        /// Why there is no figure.
        case note(String)
        /// The likeliest classes, and the archive of all logits.
        case classes([ClassLabels.Ranked], arrays: String)
    }

    let model: String
    let content: Content
}

/// The models side by side, for one picture or for all.
struct PageBlock: Sendable {
    /// The picture's path; nil for what is not of one picture.
    let picture: String?
    var entries: [PageEntry]
}

/// Everything that a page shows.
struct PageContent: Sendable {
    var subjects: [ReportSubject]
    var options: ReportOptions
    var version: String
    /// How many pictures were named.
    var named = 0
    /// How many were measured for the distance, or shown where that is not in the report.
    var used = 0
    /// What was wrong with those left out.
    var skipped: [String] = []
    var isInterrupted = false
    /// By the section's name.
    var blocks: [String: [PageBlock]] = [:]
}
