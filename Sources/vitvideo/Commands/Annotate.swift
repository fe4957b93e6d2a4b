import ArgumentParser
import Foundation
import Pipeline
import Probing
import Rendering
import ViT
import VideoIO

struct Annotate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a Vision Transformer attends to in a video or picture.",
        usage: """
            vitvideo <input> -o <file> [<options>]
            vitvideo <input> --export <file.npz> [<options>]
            vitvideo models
            """,
        discussion: """
            vitvideo dog.mp4 -o out.mp4         every attention head, with the sound
            vitvideo dog.mp4 -o out.mp4 --view side-by-side --frames 100:200
            vitvideo dog.mp4 -o out.mp4 --method rollout --view overlay
            vitvideo dog.mp4 -o out.mp4 --query 640px,360px
            vitvideo dog.mp4 -o out.mp4 --model dino --compare supervised
            vitvideo dog.mp4 --export maps.npz  the raw attention, for NumPy
            vitvideo models                     the known models
            """)

    @OptionGroup(title: "Input") var input: InputOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Method") var method: MethodOptions
    @OptionGroup(title: "View") var view: ViewOptions
    @OptionGroup(title: "Comparison") var comparison: ComparisonOptions
    @OptionGroup(title: "Classification") var classes: ClassificationOptions
    @OptionGroup(title: "Running") var running: RunOptions

    func validate() throws {
        if !comparison.panels.isEmpty && view.view != nil {
            throw ValidationError("each --panel says what it shows; leave --view out")
        }
        if let index = classes.headIndex {
            if !method.looksAtHeads {
                throw ValidationError(
                    "--head \(index) is a head, which --method \(method.method.rawValue) does not look at; for a "
                        + "classifier's file of that name write ./\(index)")
            }
            if method.heads != nil {
                throw ValidationError("--head \(index) and --heads both choose heads; give one of them")
            }
        }
        if model.numHeads != nil && model.weights == nil && !comparison.isWanted {
            throw ValidationError("--num-heads goes with --weights")
        }
    }

    func run() throws {
        let selection = try input.selection()
        let style = try view.style()
        let warnings = WarningList()
        let reader = try VideoReader.open(
            input.input,
            options: ReaderOptions(
                frames: selection, keepAudio: output.output != nil && !output.noAudio,
                videoStream: input.videoStream, isStrict: input.strict, allowsNetwork: input.allowNetwork,
                onWarning: warnings.add))
        let info = reader.info
        try checkFrameCount(of: info, selection)
        let schedule = running.schedule(frames: info.expectedFrameCount)
        let sampler = FrameSampler(
            reader: reader, path: input.input, selection: selection, videoStream: input.videoStream)
        let plan = try AnnotationPlan(
            comparison: comparison, model: model, view: view, method: method.method,
            needsMaps: output.wantsNumbers, onWarning: warnings.add,
            makeSource: { try makeSource($0, name: $1, isMain: $2, schedule: schedule, sampler: sampler) })
        try plan.prepare(
            frameHeight: info.height, frameWidth: info.width, workers: schedule.workers,
            budget: running.budgetMemory?.bytes)
        let analysis = try plan.analysis(
            readsRecordings: output.wantsStatistics, frameHeight: info.height, frameWidth: info.width)
        // Before there are files: a signal between the two would leave them behind.
        let stop = StopRequest()
        let temporaries = TemporaryFiles()
        let interruption = Interruption(
            stop: stop, notice: "finishing the frames under way", abort: temporaries.remove)
        defer { withExtendedLifetime(interruption) {} }
        let statistics = try makeStatistics(plan)
        let sinks = try makeSinks(
            info: info, plan: plan, style: style, statistics: statistics, warnings: warnings)
        temporaries.add(sinks.flatMap(\.temporaryPaths))
        let job = AnnotationJob(
            reader: reader, leadingFrames: sampler.leadingFrames, recordings: plan.recordings,
            analysis: analysis, workers: schedule.workers,
            threadsPerFrame: schedule.threadsPerFrame, sinks: sinks, stop: stop)
        if running.verbose { try describe(info, plan, schedule) }
        if !running.quiet { plan.notices.forEach { StandardError.line("vitvideo: note: \($0)") } }

        let display = ProgressDisplay(style: running.progressStyle, total: info.expectedFrameCount)
        let start = ContinuousClock.now
        let outcome: AnnotationJob.Outcome
        do {
            defer { display.finish() }
            outcome = try job.run { frames, index in display.update(frames: frames, lastFrame: index) }
        }
        if !running.quiet {
            warnings.print()
            for line in statistics?.summary.lines ?? [] { StandardError.line(line) }
        }
        if running.verbose {
            StandardError.line(
                TimingSummary(meters: job.meters, workers: schedule.workers).text(
                    frames: outcome.frames, seconds: (ContinuousClock.now - start) / .seconds(1)))
        }
        if case .interrupted(let frames, let paths) = outcome {
            let kept =
                paths.isEmpty
                ? "nothing was finished" : "\(frames) frames are in \(paths.joined(separator: ", "))"
            throw Failure(.interrupted, "interrupted; \(kept)")
        }
    }

    /// Finds out before anything is computed that one picture is to hold several frames. The expected count may be
    /// an estimate, so two frames are read to be sure.
    private func checkFrameCount(of info: VideoInfo, _ selection: FrameSelection) throws {
        guard info.canReopen, let count = info.expectedFrameCount, count > 1, let path = output.output,
            let refusal = VideoWriter.refusalOfSecondFrame(path)
        else { return }
        let second = try VideoReader.open(
            input.input,
            options: ReaderOptions(frames: selection, keepAudio: false, videoStream: input.videoStream))
        if try second.nextFrame() != nil, try second.nextFrame() != nil { throw refusal }
    }

    /// A loaded model looked at by the method.
    private func makeSource(
        _ loaded: Model, name: String, isMain: Bool, schedule: Schedule, sampler: FrameSampler
    ) throws -> any MapSource {
        let classification = try classes.classification(
            of: loaded, isMain: isMain, wantsNumbers: output.wantsNumbers, target: method.classChoice,
            offline: model.offline)
        return try method.source(
            of: ProbedModel(
                loaded, name: name, resolution: model.resolution(for: loaded),
                classification: classification),
            head: classes.headIndex, threads: schedule.workers * schedule.threadsPerFrame,
            availableBytes: running.budgetMemory?.bytes ?? SystemMemory.availableBytes(), sampler: sampler
        ) { try running.engine(for: loaded, isExact: output.wantsNumbers) }
    }

    private func describe(_ info: VideoInfo, _ plan: AnnotationPlan, _ schedule: Schedule) throws {
        StandardError.line(
            "\(input.input): \(info.width)×\(info.height), \(info.codecName), \(info.pixelFormatName)")
        for source in plan.sources {
            let layout = try source.layout(height: info.height, width: info.width)
            StandardError.line(
                "\(source.name): \(layout.columns)×\(layout.rows) patches of "
                    + "\(source.probed.model.configuration.patchSize), \(source.summary), \(schedule), "
                    + source.computation
            )
        }
    }

    /// The outputs asked for. Made before any inference, so that a bad output is found at once.
    private func makeSinks(
        info: VideoInfo, plan: AnnotationPlan, style: HeatStyle, statistics: StatisticsSink?,
        warnings: WarningList
    ) throws -> [any FrameSink] {
        var sinks: [any FrameSink] = statistics.map { [$0] } ?? []
        do {
            if let path = output.output {
                let renderer = try plan.renderer(
                    style: style, frameHeight: info.height, frameWidth: info.width)
                let writer = try VideoWriter.create(
                    path, height: renderer.outputHeight, width: renderer.outputWidth,
                    options: output.writerOptions(for: info, onWarning: warnings.add))
                sinks.insert(VideoSink(renderer: renderer, writer: writer), at: 0)
            }
            if let path = output.export {
                sinks.append(
                    try ExportSink(
                        path: path, overwrite: output.overwrite, sources: plan.sources,
                        sourceHeight: info.height, sourceWidth: info.width, version: Version.current))
            }
        } catch {
            for sink in sinks { sink.abandon() }
            throw error
        }
        return sinks
    }

    private func makeStatistics(_ plan: AnnotationPlan) throws -> StatisticsSink? {
        guard output.wantsStatistics else { return nil }
        var outputs: [any StatisticsOutput] = []
        do {
            if let path = output.stats {
                outputs.append(
                    try StatisticsTable(
                        path: path, overwrite: output.overwrite, subjects: plan.subjects))
            }
            if let path = output.plot {
                let name = URL(fileURLWithPath: input.input).lastPathComponent
                let title = method.method.title.prefix(1).uppercased() + method.method.title.dropFirst()
                outputs.append(
                    try StatisticsPlot(
                        path: path, overwrite: output.overwrite,
                        title: "\(title) over time: \(input.input == "-" ? "standard input" : name)",
                        quantity: method.method.title, subjects: plan.subjects))
            }
        } catch {
            for output in outputs { output.abandon() }
            throw error
        }
        return StatisticsSink(subjects: plan.subjects, outputs: outputs)
    }
}
