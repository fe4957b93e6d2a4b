import ArgumentParser
import Foundation
import Pipeline
import Rendering
import ViT
import VideoIO

struct Annotate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Annotate a video or picture with what the model attends to (default).")

    @OptionGroup(title: "Input") var input: InputOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "View") var view: ViewOptions
    @OptionGroup(title: "Running") var running: RunOptions

    func run() throws {
        let selection = try input.selection()
        let style = try view.style()
        let warnings = WarningList()
        let reader = try VideoReader.open(
            input.input,
            options: ReaderOptions(
                frames: selection, keepAudio: output.output != nil && !output.noAudio,
                onWarning: warnings.add))
        let info = reader.info
        let vit = try model.load()
        let engine = try running.engine(for: vit, isExact: output.export != nil)
        if !running.quiet, let notice = engine.notice { StandardError.line("vitvideo: note: \(notice)") }
        let settings = try AnalysisSettings(
            engine: engine, resolution: model.resolution(for: vit), layer: view.layer,
            heads: view.heads?.indices, fusion: view.fusion,
            maskMass: view.view == .mask ? view.threshold : nil)
        let layout = try settings.layout(height: info.height, width: info.width)
        let sinks = try makeSinks(
            info: info, settings: settings, layout: layout, style: style, warnings: warnings)

        let stop = StopRequest()
        let temporaries = sinks.flatMap(\.temporaryPaths)
        let interruption = Interruption(stop: stop) { for path in temporaries { unlink(path) } }
        defer { withExtendedLifetime(interruption) {} }
        let job = AnnotationJob(
            reader: reader, settings: settings, workers: running.workerCount, sinks: sinks, stop: stop)
        if running.verbose {
            StandardError.line(
                "\(input.input): \(info.width)×\(info.height), \(info.codecName), \(info.pixelFormatName)")
            StandardError.line(
                "\(vit.name): \(layout.columns)×\(layout.rows) patches of \(vit.configuration.patchSize), "
                    + "layer \(settings.block), \(running.workerCount) workers, \(engine.description)"
            )
        }

        let display = ProgressDisplay(style: running.progressStyle, total: info.expectedFrameCount)
        let start = ContinuousClock.now
        let outcome: AnnotationJob.Outcome
        do {
            defer { display.finish() }
            outcome = try job.run { frames, index in display.update(frames: frames, lastFrame: index) }
        }
        if !running.quiet { warnings.print() }
        if running.verbose {
            StandardError.line(
                TimingSummary(meters: job.meters, workers: running.workerCount).text(
                    frames: outcome.frames, seconds: (ContinuousClock.now - start) / .seconds(1)))
        }
        if case .interrupted(let frames, let paths) = outcome {
            let kept =
                paths.isEmpty
                ? "nothing was finished" : "\(frames) frames are in \(paths.joined(separator: ", "))"
            throw Failure(.interrupted, "interrupted; \(kept)")
        }
    }

    /// The outputs asked for. Made before any inference, so that a bad output is found at once.
    private func makeSinks(
        info: VideoInfo, settings: AnalysisSettings, layout: InputLayout, style: HeatStyle,
        warnings: WarningList
    ) throws -> [any FrameSink] {
        var sinks: [any FrameSink] = []
        if let path = output.output {
            let renderer = ViewRenderer(
                view: view.view, style: style, frameHeight: info.height, frameWidth: info.width,
                placement: MapPlacement(cellHeight: layout.cellHeight, cellWidth: layout.cellWidth),
                headLabels: settings.heads.map { "head \($0)" }, fusedLabel: view.fusion.rawValue)
            let writer = try VideoWriter.create(
                path, height: renderer.outputHeight, width: renderer.outputWidth,
                options: output.writerOptions(for: info, onWarning: warnings.add))
            sinks.append(VideoSink(renderer: renderer, writer: writer))
        }
        if let path = output.export {
            do {
                sinks.append(
                    try ExportSink(
                        path: path, overwrite: output.overwrite, settings: settings,
                        sourceHeight: info.height, sourceWidth: info.width, version: Version.current))
            } catch {
                for sink in sinks { sink.abandon() }
                throw error
            }
        }
        return sinks
    }
}
