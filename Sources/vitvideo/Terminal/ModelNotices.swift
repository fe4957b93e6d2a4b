import ViT

/// What is said of a weights file that was read with assumptions or in part.
enum ModelNotices {
    /// - Parameter name: what the run calls the model.
    static func print(of model: Model, as name: String) { print(model.account.notices, as: name) }

    static func print(_ notices: [ModelNotice], as name: String) {
        for notice in notices { print(notice, as: name) }
    }

    static func print(_ notice: ModelNotice, as name: String) {
        StandardError.line("vitvideo: note: \(name): \(notice.line { $0.words })")
    }
}
