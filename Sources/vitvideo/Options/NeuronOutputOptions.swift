import Archives
import ArgumentParser
import Base
import Methods
import Pipeline
import Probing
import VideoIO

extension VisualizationPictures.Sheet: ExpressibleByArgument {}

/// What is written of pictures that excite units.
struct NeuronOutputOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            """
            Output; the extension decides: png or jpg for the picture, or a sheet of several; numbered \
            out-%03d.png for a file each; mp4, mov, mkv, webm or gif for the optimization itself, one unit after the \
            other.
            """, valueName: "file"))
    var output: String?

    @Option(
        help: """
            How several pictures stand in one: as a contact sheet in order, or as a progression with a row for each \
            layer. (default: contact)
            """)
    var sheet: VisualizationPictures.Sheet?

    @Option(
        help: ArgumentHelp("Steps from one frame of the optimization to the next.", valueName: "n"))
    var frameInterval: Int = 4

    @Option(
        help: ArgumentHelp(
            """
            The pictures as arrays; the extension decides: npz, safetensors, or zarr, a directory. They are picture \
            [pictures, 3, height, width], activation [pictures], objective, step_activation and total_variation \
            [pictures, steps], and meta with all that is needed to make them again.
            """, valueName: "file.npz|safetensors|zarr"), transform: ExportArgument.path)
    var export: String?

    @Option(help: ExportArgument.numberHelp)
    var dtype: ArchiveNumber?

    @Option(
        help: ArgumentHelp(
            """
            A table, one row per step: objective, activation and total variation. '-' is standard output.
            """, valueName: "file.csv|-"))
    var stats: String?

    @Option(
        help: ArgumentHelp("Activation and objective drawn over the steps.", valueName: "file.png|svg"))
    var plot: String?

    @Flag(name: [.customShort("y"), .long], help: "Replace existing outputs.")
    var overwrite = false

    func validate() throws {
        for (option, path) in [("-o", output), ("--export", export), ("--plot", plot)] where path == "-" {
            throw ValidationError(
                "\(option) writes a file, never standard output, which only --stats does; name a file")
        }
        if output == nil, export == nil, stats == nil, plot == nil {
            throw ValidationError(
                "nothing to write; give -o FILE, --export FILE.npz, --stats FILE.csv or --plot FILE.png")
        }
        try ExportArgument.check(export, dtype)
        guard (1...100_000).contains(frameInterval) else {
            throw ValidationError("--frame-interval is 1 to 100000")
        }
    }

    /// What a run writes. Made before anything is computed, so that a bad output is found at once.
    ///
    /// - Parameters:
    ///   - title: of the plot.
    ///   - threads: of an encoder.
    func makeOutputs(
        _ units: [VisualizedUnit], _ recipe: VisualizationRecipe, height: Int, width: Int, meta: Provenance,
        title: String, threads: Int, warnings: WarningList
    ) throws -> [any VisualizationOutput] {
        let options = WriterOptions(overwrite: overwrite, threads: threads, onWarning: warnings.add)
        var outputs: [any VisualizationOutput] = []
        do {
            if let path = output {
                if try OutputFormat(path: path).isFilm {
                    outputs.append(
                        try VisualizationVideo(
                            path: path, interval: frameInterval, steps: recipe.steps, height: height,
                            width: width, options: options))
                } else {
                    outputs.append(
                        try VisualizationPictures(
                            path: path, units: units, sheet: sheet, height: height, width: width,
                            options: options))
                }
            }
            if let path = export {
                outputs.append(
                    try VisualizationArchive(
                        path: path, overwrite: overwrite, steps: recipe.steps, height: height, width: width,
                        meta: meta, number: dtype ?? .float32,
                        onOverflow: { warnings.add(ExportArgument.warning(of: $0)) }))
            }
            if let path = stats {
                outputs.append(
                    try VisualizationTable(path: path, overwrite: overwrite, units: units, recipe: recipe))
            }
            if let path = plot {
                outputs.append(
                    try VisualizationPlot(path: path, overwrite: overwrite, title: title, units: units))
            }
        } catch {
            for output in outputs { output.abandon() }
            throw error
        }
        return outputs
    }
}
