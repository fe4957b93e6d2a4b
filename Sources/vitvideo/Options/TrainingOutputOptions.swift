import ArgumentParser
import Base
import Datasets
import Pipeline
import Training
import ViT
import VideoIO

/// What is written of a training run.
struct TrainingOutputOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The trained model, an ordinary checkpoint for --weights; of --probe a classifier for --head.",
            valueName: "file.safetensors"))
    var output: String

    @Flag(
        help: """
            Go on with the run of the same command that FILE.resume beside the output holds; without one begin. Every run \
            keeps it, now and then and when it is interrupted, and removes it at its end.
            """)
    var resume = false

    @Option(help: ArgumentHelp("Seconds between two writings of FILE.resume.", valueName: "s"))
    var saveInterval: Int = 60

    @Option(
        help: ArgumentHelp(
            "A table, one row per step: loss, learning rate, gradient norm, and accuracy at the end of epochs.",
            valueName: "file.csv|-"))
    var stats: String?

    @Option(help: ArgumentHelp("Loss and accuracy drawn over the steps.", valueName: "file.png|svg"))
    var plot: String?

    @Option(
        help: ArgumentHelp(
            "Pictures and videos whose attention is looked at while the model is trained.",
            valueName: "picture|clip,…"))
    var watch: String?

    @Option(
        name: [.customLong("o-watch", withSingleDash: true), .customLong("o-watch")],
        help: ArgumentHelp(
            """
            A video of training: each frame a look at the heads of the last block on what is watched, with the loss so far \
            beneath.
            """, valueName: "file.mp4"))
    var watchOutput: String?

    @Option(
        help: ArgumentHelp(
            "Steps from one look to the next. (default: for about 300 looks)", valueName: "n"))
    var watchEvery: Int?

    @Option(
        help: ArgumentHelp(
            "A table of each head's attention at each look: entropy, and mean distance in pixels.",
            valueName: "file.csv|-"))
    var watchStats: String?

    @Option(help: ArgumentHelp("The same drawn over the steps, mean over heads.", valueName: "file.png|svg"))
    var watchPlot: String?

    @Flag(name: [.customShort("y"), .long], help: "Replace existing outputs.")
    var overwrite = false

    func validate() throws {
        for (option, path) in [("-o", output), ("--plot", plot ?? ""), ("-o-watch", watchOutput ?? "")]
        where path == "-" {
            throw ValidationError("\(option) writes a file, never standard output; name a file")
        }
        let outputs = [("-o-watch", watchOutput), ("--watch-stats", watchStats), ("--watch-plot", watchPlot)]
        if watch == nil, let (option, _) = outputs.first(where: { $0.1 != nil }) {
            throw ValidationError("\(option) is of what is watched; name it with --watch")
        }
        if watch != nil, outputs.allSatisfy({ $0.1 == nil }) {
            throw ValidationError("--watch is for -o-watch, --watch-stats or --watch-plot; give one")
        }
        if let watchEvery, !(1...1_000_000).contains(watchEvery) {
            throw ValidationError("--watch-every is 1 to 1000000")
        }
        guard (1...86_400).contains(saveInterval) else {
            throw ValidationError("--save-interval is 1 to 86400")
        }
    }

    /// The options that are about a run.
    var given: [String] {
        [
            ("--resume", resume), ("--stats", stats != nil), ("--plot", plot != nil),
            ("--watch", watch != nil),
        ].filter(\.1).map(\.0)
    }

    /// What is watched.
    var watched: [String] { watch.map { $0.split(separator: ",").map(String.init) } ?? [] }

    /// Steps from one look to the next.
    func interval(steps: Int) -> Int { watchEvery ?? max(1, steps / 300) }

    /// Where the run keeps its state.
    var statePath: String { output + ".resume" }

    /// - Throws: `VitvideoError` for outputs that cannot be made.
    func makeOutputs(
        _ watch: AttentionWatch?, shape: TrainedShape, threads: Int, warnings: WarningList
    ) throws -> [any TrainingOutput] {
        var outputs: [any TrainingOutput] = []
        do {
            if let stats {
                outputs.append(try TrainingTable(path: stats, overwrite: overwrite, rows: \.rows))
            }
            if let plot {
                outputs.append(try TrainingPlot(path: plot, overwrite: overwrite, charts: \.charts))
            }
            guard let watch else { return outputs }
            if let path = watchStats {
                outputs.append(try TrainingTable(path: path, overwrite: overwrite, rows: watch.rows))
            }
            if let path = watchPlot {
                outputs.append(try TrainingPlot(path: path, overwrite: overwrite, charts: watch.charts))
            }
            if let path = watchOutput {
                outputs.append(
                    try WatchVideo(
                        path: path, watch: watch, heads: shape.heads,
                        options: WriterOptions(
                            overwrite: overwrite, threads: threads, onWarning: warnings.add)))
            }
            return outputs
        } catch {
            for output in outputs { output.abandon() }
            throw error
        }
    }
}
