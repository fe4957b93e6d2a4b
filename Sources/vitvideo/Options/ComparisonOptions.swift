import ArgumentParser
import Pipeline
import Rendering

/// What stands beside what.
struct ComparisonOptions: ParsableArguments {
    @Option(
        name: .customLong("compare"),
        help: ArgumentHelp(
            """
            Captioned panels in step: the original, each of these, and --model. A name is a known model, an \
            alias ('supervised'), a weights file, a name of --define, or video:FILE for a heatmap video made \
            earlier. A file whose path holds commas has a --compare of its own. --view applies to each model's panel.
            """, valueName: "name[,name…]"))
    var names: [String] = []

    @Option(
        name: .customLong("panel"),
        help: ArgumentHelp(
            """
            One panel; repeat it for more, laid out in order: original, heatmap, overlay, heads or mask (of \
            --model, or heatmap:MODEL), video:FILE.
            """, valueName: "panel"))
    var panels: [String] = []

    /// Whether there are panels at all, instead of one view of one model.
    var isWanted: Bool { !names.isEmpty || !panels.isEmpty }

    func validate() throws {
        if !names.isEmpty && !panels.isEmpty {
            throw ValidationError("--compare and --panel both lay out panels; give one of them")
        }
    }

    /// - Parameters:
    ///   - view: what --compare shows of each model.
    ///   - model: knows which names are files, and which is the main model's.
    /// - Throws: `VitvideoError` of kind `usage`.
    func specifications(view: View, model: ModelOptions) throws -> [PanelSpecification] {
        if names.isEmpty { return try panels.map { try PanelSpecification(parsing: $0) } }
        return try PanelSpecification.comparison(
            of: names.flatMap { model.names(in: $0) }, view: view
        ) { model.identity(of: $0) == model.identity(of: nil) }
    }

    var settings: JobSettings {
        [
            ("--compare", names.isEmpty ? nil : names.joined(separator: ",")),
            ("--panel", panels.isEmpty ? nil : panels.joined(separator: " ")),
        ]
    }

    /// The files behind `video:FILE`, whose content decides about the outputs.
    func recordingPaths(_ model: ModelOptions) -> [String] {
        (names.flatMap { model.names(in: $0) } + panels)
            .filter { $0.hasPrefix("video:") }.map { String($0.dropFirst("video:".count)) }
    }
}
