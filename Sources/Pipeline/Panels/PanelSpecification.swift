import Base
import Rendering

/// What one panel of a comparison shows, as the command line says it.
package enum PanelSpecification: Sendable, Equatable {
    /// The frame itself.
    case original
    /// A view of a model's maps; of the main model where none is named.
    case view(View, model: String?)
    /// A video made earlier, kept in step by timestamp.
    case video(path: String)

    /// Reads `original`, `heatmap`, `heatmap:MODEL` (and so for every other view) or `video:FILE`.
    ///
    /// Models and files may contain further colons.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    package init(parsing text: String) throws(VitvideoError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let argument = parts.count > 1 ? String(parts[1]) : nil
        if let argument, argument.isEmpty {
            throw VitvideoError(.usage, reason: "panel '\(text)': nothing follows the colon")
        }
        switch (String(parts[0]), argument) {
        case ("original", nil): self = .original
        case ("original", _):
            throw VitvideoError(.usage, reason: "panel '\(text)': the original is the same for every model")
        case ("video", let path?): self = .video(path: path)
        case ("video", nil):
            throw VitvideoError(.usage, reason: "panel 'video' wants a file, as in video:heatmap.mp4")
        case (let name, let model):
            guard let view = View(rawValue: name) else {
                let names = ["original"] + View.allCases.map { "\($0.rawValue)[:model]" } + ["video:file"]
                throw VitvideoError(
                    .usage, reason: "panel '\(text)' is none of \(names.joined(separator: ", "))")
            }
            self = .view(view, model: model)
        }
    }

    /// The panels of a comparison: the original, then the named models and videos in order, then the main model
    /// unless it is among them.
    ///
    /// - Parameters:
    ///   - names: each a model or `video:FILE`.
    ///   - view: what is shown of each model.
    ///   - isMain: whether a name is the main model's.
    /// - Throws: `VitvideoError` of kind `usage` for an empty name.
    package static func comparison(
        of names: [String], view: View, isMain: (String) -> Bool
    ) throws(VitvideoError) -> [PanelSpecification] {
        var panels: [PanelSpecification] = [.original]
        var namesMain = false
        for name in names {
            if name.isEmpty {
                throw VitvideoError(
                    .usage,
                    reason: "comparison '\(names.joined(separator: ","))': a name is missing beside a comma")
            }
            if name.hasPrefix("video:") {
                panels.append(try PanelSpecification(parsing: name))
            } else {
                namesMain = namesMain || isMain(name)
                panels.append(.view(view, model: name))
            }
        }
        if !namesMain { panels.append(.view(view, model: nil)) }
        return panels
    }
}
