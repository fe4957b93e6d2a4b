import ArgumentParser
import Base
import Glibc
import Methods
import Pipeline
import Pixels
import Probing
import Rendering
import ViT
import VideoIO

struct Propagate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Carry the masks of a first frame through a clip.",
        usage: """
            vitvideo propagate <input> --mask <mask> -o <file> [<options>]
            """,
        discussion: """
            The objects of a mask in colour, with the sound:
            vitvideo propagate dog.mp4 --mask first.png -o out.mp4

            Their masks, and how good they are:
            vitvideo propagate dog.mp4 --mask first.png --masks 'out-%05d.png' --truth dog-masks/

            A mask drawn over for frame 120, to correct what is wrong from there on:
            vitvideo propagate dog.mp4 --mask first.png --mask 120=later.png -o out.mp4

            The patches under two pixels:
            vitvideo propagate dog.mp4 --point 640px,360px --point 200px,410px -o out.mp4

            Nothing is trained: each patch of a frame takes the labels of the patches that resemble it most in the \
            first frame and in the frames before (Jabri et al. 2020). The defaults are those of DINO's script, \
            eval_video_segmentation.py, --protocol dinov3 those of DINOv3's notebook.
            """)

    @OptionGroup(title: "Input") var clip: InputPath
    @OptionGroup(title: "Input") var input: InputOptions
    @OptionGroup(title: "Output") var output: PropagationOutputOptions
    @OptionGroup(title: "Propagation") var propagation: PropagationOptions
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Running") var threads: ThreadOptions
    @OptionGroup(title: "Running") var compute: PropagationComputeOptions
    @OptionGroup(title: "Running") var memory: MemoryOptions
    @OptionGroup(title: "Running") var messages: MessageOptions

    func validate() throws {
        try FileArguments.check(
            [("--weights", model.weights), ("--truth", propagation.truth)]
                + propagation.masks.map { ("--mask", $0.path) }
                + model.definitions.map { ("--define", $0.path) })
        if output.output == nil, !output.wantsNumbers, propagation.truth == nil {
            throw ValidationError(
                "nothing to write; give -o FILE, --masks out-%05d.png, --coco FILE.json, --export FILE.npz or "
                    + "--truth DIRECTORY")
        }
    }

    func run() throws {
        let identity = model.identity(of: nil)
        try model.checkDefinitions(areAmong: [identity])
        let selection = try input.selection()
        let warnings = WarningList()
        let reader = try VideoReader.open(
            clip.path,
            options: ReaderOptions(
                frames: selection, keepAudio: output.output != nil && !output.encoding.noAudio,
                threads: threads.codecThreads, videoStream: input.videoStream, isStrict: input.strict,
                allowsNetwork: input.allowNetwork, onWarning: warnings.add))
        let info = reader.info
        let schedule = threads.schedule(frames: info.expectedFrameCount)
        let sampler = FrameSampler(
            reader: reader, path: clip.path, selection: selection, videoStream: input.videoStream,
            threads: threads.codecThreads)
        let refusal =
            output.output.flatMap(VideoWriter.refusalOfSecondFrame)
            ?? output.masks.flatMap(MaskWriter.refusalOfSecondMask)
        if let refusal, try sampler.hasSeveralFrames() { throw refusal }

        let loaded = try model.load(identity)
        let settings = propagation.settings
        let shown = try PropagationInput(
            settings.recipe, of: loaded.configuration, frameHeight: info.height, frameWidth: info.width,
            resolution: model.resolution?.value, keepsNormalization: model.std != nil)
        let (masks, losses) = try propagation.given(on: shown, height: info.height, width: info.width)
        losses.forEach(warnings.add)
        let engine = try compute.engine(
            for: loaded, isExact: output.wantsNumbers || propagation.truth != nil)
        try checkMemory(loaded, engine, shown, workers: schedule.workers)

        // Before there are files: a signal between the two would leave them behind.
        let stop = StopRequest()
        let temporaries = TemporaryFiles()
        Interruption.begin(stop: stop, notice: "finishing the frames under way", abort: temporaries.remove)
        let truth = try propagation.truth.map {
            try TruthSink(directory: $0, height: info.height, width: info.width)
        }
        let sinks = try makeSinks(reader, loaded, engine, shown, masks, warnings)
        temporaries.add(sinks.flatMap(\.temporaryPaths))
        let job = PropagationJob(
            reader: reader, leadingFrames: sampler.leadingFrames, engine: engine, input: shown,
            settings: settings, masks: masks, workers: schedule.workers,
            threadsPerFrame: schedule.threadsPerFrame, sinks: sinks + (truth.map { [$0] } ?? []), stop: stop)
        if messages.verbose { describe(info, loaded, engine, shown, masks, schedule) }
        if !messages.quiet {
            if let notice = engine.notice { StandardError.line("vitvideo: note: \(notice)") }
            ModelNotices.print(of: loaded, as: loaded.name)
        }

        let display = ProgressDisplay(style: messages.progressStyle, total: info.expectedFrameCount)
        let start = ContinuousClock.now
        var lastFrame = 0
        let outcome: AnnotationJob.Outcome
        do {
            defer { display.finish() }
            outcome = try job.run { frames, index in
                lastFrame = index
                display.update(frames: frames, lastFrame: index)
            }
        }
        if case .complete = outcome {
            for argument in propagation.masks {
                guard let frame = argument.frame, frame > lastFrame else { continue }
                warnings.add("--mask \(argument.name): the clip ends with frame \(lastFrame)")
            }
        }
        if !messages.quiet { warnings.print() }
        if messages.verbose {
            StandardError.line(
                TimingSummary(
                    meters: job.meters, workers: schedule.workers, outputStage: "propagate and encode"
                ).text(
                    count: outcome.frames, seconds: (ContinuousClock.now - start) / .seconds(1)))
        }
        if let truth { try printScores(of: truth) }
        if case .interrupted(let frames, let paths) = outcome {
            throw VitvideoError(
                .interrupted,
                reason: "interrupted; "
                    + (paths.isEmpty
                        ? "nothing was finished" : "\(frames) frames are in \(paths.joined(separator: ", "))")
            )
        }
    }

    /// Refuses frames of far too many patches, or that do not fit into memory.
    private func checkMemory(
        _ loaded: Model, _ engine: Engine, _ shown: PropagationInput, workers: Int
    ) throws {
        let probed = ProbedModel(loaded, resolution: .native)
        if let huge = try HugeFrame(of: probed, height: shown.height, width: shown.width) {
            guard memory.allowHugeFrames else { throw huge.refusal }
            if !messages.quiet { StandardError.line("vitvideo: note: \(huge.estimate)") }
        }
        var available = memory.budgetBytes ?? Allocation.current.availableBytes()
        try probed.reserveMemory(
            precision: engine.precision,
            on: try probed.preprocessor.layout(height: shown.height, width: shown.width), workers: workers,
            from: &available)
    }

    /// The outputs asked for. Made before any inference, so that a bad output is found at once.
    private func makeSinks(
        _ reader: VideoReader, _ loaded: Model, _ engine: Engine, _ shown: PropagationInput,
        _ masks: GivenMasks, _ warnings: WarningList
    ) throws -> [any SegmentationSink] {
        let info = reader.info
        var sinks: [any SegmentationSink] = []
        do {
            if let path = output.output {
                let writer = try VideoWriter.create(
                    path, height: info.height, width: info.width,
                    options: output.encoding.writerOptions(
                        for: reader, overwrite: output.overwrite, threads: threads.codecThreads,
                        onWarning: warnings.add))
                sinks.append(
                    ObjectVideoSink(
                        painter: ObjectPainter(height: info.height, width: info.width), writer: writer,
                        audio: reader.audio))
            }
            if let path = output.export {
                sinks.append(
                    try PropagationExport(
                        path: path, overwrite: output.overwrite, rows: shown.rows, columns: shown.columns,
                        width: loaded.configuration.width, classes: masks.classes,
                        meta: try provenance(loaded, engine, shown).json()))
            }
            if let path = output.coco {
                var info = provenance(loaded, engine, shown)
                info["description"] = .text("objects propagated by vitvideo")
                sinks.append(
                    ObjectMaskSink(
                        try COCOWriter(
                            path: path, overwrite: output.overwrite, info: info,
                            objectNames: (1..<masks.classes).map { "object \($0)" },
                            fileName: try InputFiles.pictureNames(
                                of: clip.path, isStill: reader.info.isStill))))
            }
            // The last: these pictures have their names already when the other outputs are completed.
            if let path = output.masks {
                sinks.append(
                    ObjectMaskSink(
                        try MaskWriter(path, overwrite: output.overwrite, onWarning: warnings.add)))
            }
        } catch {
            for sink in sinks { sink.abandon() }
            throw error
        }
        return sinks
    }

    private func provenance(_ loaded: Model, _ engine: Engine, _ shown: PropagationInput) -> Provenance {
        let settings = propagation.settings
        var meta = Provenance(of: loaded, precision: engine.precision, version: Version.current)
        meta.add(inputHeight: shown.height, inputWidth: shown.width)
        func shortest(_ value: Float) -> Double { Double("\(value)") ?? Double(value) }
        meta["mean"] = .numbers(shown.normalization.mean.map(shortest))
        meta["std"] = .numbers(shown.normalization.deviation.map(shortest))
        meta["protocol"] = .text(settings.recipe.rawValue)
        meta["last_frames"] = .integer(settings.lastFrames)
        meta["radius"] = .integer(settings.radius)
        meta["neighbors"] = .integer(settings.neighbors)
        meta["temperature"] = .number(shortest(settings.temperature))
        return meta
    }

    private func describe(
        _ info: VideoInfo, _ loaded: Model, _ engine: Engine, _ shown: PropagationInput, _ masks: GivenMasks,
        _ schedule: Schedule
    ) {
        let settings = propagation.settings
        StandardError.line(
            "\(clip.path): \(info.width)×\(info.height), \(info.codecName), \(info.pixelFormatName)")
        StandardError.line(
            "\(loaded.name): \(shown.columns)×\(shown.rows) patches of \(loaded.configuration.patchSize) on "
                + "\(shown.width)×\(shown.height), \(schedule), \(engine.description)")
        StandardError.line("\(loaded.name): \(loaded.reading)")
        StandardError.line(
            "\(masks.classes - 1) object\(masks.classes == 2 ? "" : "s"), protocol \(settings.recipe.rawValue): first "
                + "and \(settings.lastFrames) frames before, radius \(settings.radius), \(settings.neighbors) nearest, "
                + "temperature \(settings.temperature)")
    }

    /// A row an object, and the means over them.
    private func printScores(of truth: TruthSink) throws {
        let scores = truth.scores
        guard !scores.isEmpty else {
            throw VitvideoError(
                .badData, reason: "not one frame can be compared with the true masks",
                nextStep: .advice("the first, given frames and the last one do not count: give longer ones"))
        }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        func text(_ value: Double) -> String { formatted("%.4f", value) }
        func row(_ name: String, _ region: Double, _ boundary: Double) -> [String] {
            [name, text((region + boundary) / 2), text(region), text(boundary)]
        }
        let columns = ["J&F", "J", "F"].map { TextTable.Column(title: $0, isNumber: true) }
        var table = TextTable(columns: [TextTable.Column(title: "object")] + columns)
        table.rows = scores.map { row("\($0.object)", $0.region, $0.boundary) }
        table.rows.append(row("mean", mean(scores.map(\.region)), mean(scores.map(\.boundary))))
        for line in table.lines { print(line) }
        print("over \(truth.frames) frame\(truth.frames == 1 ? "" : "s")")
    }
}
