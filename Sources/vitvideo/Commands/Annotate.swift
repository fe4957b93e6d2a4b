import ArgumentParser
import Base
import Files
import FoundationEssentials
import Glibc
import Graph
import Methods
import Pipeline
import Pixels
import Probing
import ViT
import VideoIO

struct Annotate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a Vision Transformer attends to in a video or picture.",
        usage: """
            vitvideo <input> -o <file> [<options>]
            vitvideo <input> --export <file.npz> [<options>]
            vitvideo <input> --masks <files-%05d.png> --coco <file.json> [<options>]
            vitvideo <pictures> ... -o <files-%s.png> [<options>]
            vitvideo probe <images> ... -o <directory> [<options>]
            vitvideo neuron <units> -o <file> [<options>]
            vitvideo propagate <input> --mask <mask> -o <file> [<options>]
            vitvideo batch <videos> ... -o <directory> [<options>]
            vitvideo serve [<files> ...] [<options>]
            vitvideo models [<subcommand>]
            """,
        discussion: """
            Every attention head over the video, with its sound:
            vitvideo dog.mp4 -o out.mp4

            The heat beside the picture, of some frames:
            vitvideo dog.mp4 -o out.mp4 --view side-by-side --frames 100:200

            Another method, or another question:
            vitvideo dog.mp4 -o out.mp4 --method rollout --view overlay
            vitvideo dog.mp4 -o out.mp4 --method neuron --neuron 11:120
            vitvideo dog.mp4 -o out.mp4 --query 640px,360px

            Two models beside the original:
            vitvideo dog.mp4 -o out.mp4 --model dino --compare supervised

            The raw attention, for NumPy:
            vitvideo dog.mp4 --export maps.npz

            Masks of what is attended to, as PNG files and for COCO's tools:
            vitvideo dog.mp4 --masks out-%05d.png --coco out.json

            Pictures that are no clip, each by itself; %s stands for a picture's name:
            vitvideo photos/ -o out/%s.png --export maps.npz

            Going on where an earlier run ended:
            vitvideo long.mp4 -o out.mp4 --resume
            """)

    @OptionGroup(title: "Input") var inputs: InputPaths
    @OptionGroup(title: "Input") var frames: InputOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Method") var method: MethodOptionGroup
    @OptionGroup(title: "View") var view: ViewOptions
    @OptionGroup(title: "Comparison") var comparison: ComparisonOptions
    @OptionGroup(title: "Classification") var classes: ClassificationOptions
    @OptionGroup(title: "Classification") var head: HeadOption
    @OptionGroup(title: "Running") var threads: ThreadOptions
    @OptionGroup(title: "Running") var compute: ComputeOptions
    @OptionGroup(title: "Running") var reuse: ReuseOptions
    @OptionGroup(title: "Running") var memory: MemoryOptions
    @OptionGroup(title: "Running") var resume: ResumeOptions
    @OptionGroup(title: "Running") var messages: MessageOptions

    func validate() throws {
        try FileArguments.check(
            [("--weights", model.weights), ("--labels", classes.labels), ("--head", head.file)]
                + model.definitions.map { ("--define", $0.path) }
                + comparison.recordingPaths(model).map { ("video:", $0) })
        try classes.texts.check(labels: classes.labels, headFile: head.file)
        if resume.isOn, output.stats == "-" {
            throw ValidationError("--resume writes files that it can go on with; name one for --stats")
        }
        if !comparison.panels.isEmpty && view.view != nil {
            throw ValidationError("each --panel says what it shows; leave --view out")
        }
        if let index = head.index {
            if !method.looksAtHeads {
                throw ValidationError(
                    "--head \(index) is a head, which --method \(method.method.value.name) does not look at; for a "
                        + "classifier's file of that name write ./\(index)")
            }
            if method.heads != nil {
                throw ValidationError("--head \(index) and --heads both choose heads; give one of them")
            }
        }
    }

    func run() throws {
        let first = inputs.paths[0]
        if inputs.paths.count > 1 || FileSystem.isDirectory(first) || output.namesEachPicture {
            try annotatePictures()
        } else {
            try annotateClip(first)
        }
    }

    /// - Returns: how many frames the outputs have, or the share.
    /// - Throws: `VitvideoError`.
    @discardableResult
    func annotateClip(_ input: String) throws -> Int {
        let selection = try frames.selection()
        let style = try view.style(standardScale: method.method.value.standardScale)
        let warnings = WarningList()
        var readerOptions = ReaderOptions(
            frames: selection, keepAudio: output.output != nil && !output.encoding.noAudio,
            threads: threads.codecThreads, videoStream: frames.videoStream, isStrict: frames.strict,
            allowsNetwork: frames.allowNetwork, onWarning: warnings.add)
        if resume.isOn {
            readerOptions.index =
                SegmentStore.outline(at: SegmentStore.path(for: output.paths[0]))?.index
        }
        let reader = try VideoReader.open(input, options: readerOptions)
        let info = reader.info
        let resumption =
            resume.isOn ? try Resumption(input: input, output: output, info: info, resume) : nil
        let reuseLevels = try reuse.levels(
            of: method.method.value, isExact: output.wantsNumbers || output.wantsMasks)
        let schedule =
            reuseLevels == nil || info.isStill
            ? threads.schedule(frames: info.expectedFrameCount)
            : threads.schedule(
                frames: info.expectedFrameCount, stretchesOf: info.height * info.width * 3,
                availableBytes: memory.budgetBytes ?? Allocation.current.availableBytes())
        let sampler = FrameSampler(
            reader: reader, path: input, selection: selection, videoStream: frames.videoStream,
            threads: threads.codecThreads)
        try checkFrameCount(sampler)
        /// What the options ask for, with what a job has found out beforehand.
        func prepare(with job: SegmentStore.Job?) throws -> AnnotationPlan {
            var plan = try makePlan(warnings) {
                try makeSource(
                    $0, name: $1, isMain: $2, schedule: schedule, sampler: sampler,
                    frameSize: { (info.height, info.width) }, savedState: job?.states[$1]
                ) { try checkSize(height: info.height, width: info.width, for: $0) }
            }
            try AnnotationPlan.prepare(
                plan.sources, frameHeight: info.height, frameWidth: info.width, workers: schedule.workers,
                reuses: reuseLevels != nil, budget: memory.budgetBytes)
            guard style.scale.isOfClip, output.output != nil else { return plan }
            if let job, job.limits.count == plan.sources.count {
                plan.limits = job.limits
            } else {
                try plan.measureLimits(
                    sampler, for: style.scale, threads: schedule.workers * schedule.threadsPerFrame)
            }
            return plan
        }
        var plan = try prepare(with: resumption?.earlier)
        // Before there are files: a signal between the two would leave them behind.
        let stop = StopRequest()
        let temporaries = TemporaryFiles()
        Interruption.begin(stop: stop, notice: "finishing the frames under way", abort: temporaries.remove)
        let store = try resumption.map {
            try openStore(of: $0, input: input, &plan, schedule: schedule, prepare: prepare)
        }
        var analysis = try plan.analysis(
            readsRecordings: output.wantsStatistics, frameHeight: info.height, frameWidth: info.width)
        analysis.reuseLevels = reuseLevels
        let reused = ReuseSink()
        let tallies = { store?.reuse ?? reused.tallies }
        let sinks = try makeSinks(
            input, reader: reader, plan: plan, style: style, store: store,
            reuse: reuseLevels.map { ReuseFindings(levels: $0, tallies: tallies) }, warnings: warnings)
        temporaries.add(sinks.temporaryPaths)
        // A share has no outputs of its own; that they can be written is known now.
        if resumption?.share != nil { sinks.joined.abandon() }
        let job = AnnotationJob(
            reader: reader, leadingFrames: sampler.leadingFrames, recordings: plan.recordings,
            analysis: analysis, workers: schedule.workers,
            threadsPerFrame: schedule.threadsPerFrame, sinks: sinks.all + [reused], stop: stop)
        var resumable: ResumableJob?
        if let store, let resumption {
            resumable = ResumableJob(
                store: store, whole: job, input: input, readerOptions: readerOptions,
                video: sinks.segmentedVideo, keepsNumbers: !sinks.numbers.isEmpty,
                outline: try resumption.outline(of: input, readerOptions, in: store),
                computation: resumption.computation(of: plan))
        }
        let share = try resumption?.share.map { share in
            (share, frames: try resumable?.inspect(share) ?? 0)
        }
        if messages.verbose {
            StandardError.line(
                "\(input): \(info.width)×\(info.height), \(info.codecName), \(info.pixelFormatName)")
            try describe(plan, schedule, height: info.height, width: info.width)
        }
        if !messages.quiet {
            plan.printNotices()
            for line in store?.beginning ?? [] { StandardError.line(line) }
        }
        if resume.joinOnly, let store, let missing = resumable?.missing {
            sinks.joined.abandon()
            throw VitvideoError(
                .noInput, cannot: "join", path: store.path, reason: "it lacks \(missing)",
                nextStep: .advice("compute them first, or leave --join-only out"))
        }

        let display = ProgressDisplay(
            style: messages.progressStyle, total: share?.frames ?? info.expectedFrameCount,
            kept: store?.frames ?? 0)
        let start = ContinuousClock.now
        let outcome: AnnotationJob.Outcome
        do {
            defer { display.finish() }
            let progress = { (frames: Int, index: Int) in display.update(frames: frames, lastFrame: index) }
            if let resumable, let (share, _) = share {
                outcome = try resumable.run(share, progress: progress)
            } else if let resumable {
                outcome = try resumable.run(into: sinks.joined, progress: progress)
            } else {
                outcome = try job.run(progress: progress)
            }
        }
        if !messages.quiet {
            warnings.print()
            if let summary = sinks.statistics?.summary, store == nil || summary.frames > 0 {
                for line in summary.lines { StandardError.line(line) }
            }
            for line in ReuseSummary.lines(tallies(), of: plan.sources.map(\.name)) {
                StandardError.line(line)
            }
            for line in store?.end(of: share?.0) ?? [] { StandardError.line(line) }
        }
        if messages.verbose {
            StandardError.line(
                TimingSummary(meters: job.meters, workers: schedule.workers).text(
                    count: outcome.frames, seconds: (ContinuousClock.now - start) / .seconds(1)))
        }
        if case .interrupted(let frames, let paths) = outcome {
            var kept = "nothing was finished"
            if let store, store.frames + store.undrawnFrames > 0 {
                kept =
                    "\(store.frames + store.undrawnFrames) frames are kept in \(store.path), and the same command goes "
                    + "on from there"
            } else if !paths.isEmpty {
                kept = "\(frames) frames are in \(paths.joined(separator: ", "))"
            }
            throw VitvideoError(
                .interrupted, reason: "interrupted; \(kept)")
        }
        return store.map { $0.frames + $0.undrawnFrames } ?? outcome.frames
    }

    /// Finds out before anything is computed that one picture is to hold several frames.
    private func checkFrameCount(_ sampler: FrameSampler) throws {
        let refusal =
            output.output.flatMap(VideoWriter.refusalOfSecondFrame)
            ?? output.masks.flatMap(MaskWriter.refusalOfSecondMask)
        if let refusal, try sampler.hasSeveralFrames() { throw refusal }
    }

    /// What the options ask for.
    func makePlan(
        _ warnings: WarningList, makeSource: @escaping AnnotationPlan.MakeSource
    ) throws -> AnnotationPlan {
        try AnnotationPlan(
            comparison: comparison, model: model, view: view, method: method.method.value,
            needsMaps: output.wantsNumbers, needsMasks: output.wantsMasks, codecThreads: threads.codecThreads,
            onWarning: warnings.add, makeSource: makeSource)
    }

    /// A loaded model looked at by the method.
    ///
    /// - Parameters:
    ///   - frameSize: of the clip's frames, or of the first picture.
    ///   - check: throws where a plain model cannot look at the input.
    func makeSource(
        _ loaded: LoadedModel, name: String, isMain: Bool, schedule: Schedule, sampler: any SampledInput,
        frameSize: () throws -> (height: Int, width: Int), savedState: Data? = nil,
        check: (ProbedModel) throws -> Void
    ) throws -> any MapSource {
        switch loaded {
        case .plain(let model):
            try makeSource(
                model, name: name, isMain: isMain, schedule: schedule, sampler: sampler,
                savedState: savedState,
                check: check)
        case .graph(let model):
            try makeSource(
                model, name: name, isMain: isMain, schedule: schedule, sampler: sampler,
                frameSize: frameSize(),
                savedState: savedState)
        }
    }

    private func makeSource(
        _ model: GraphModel, name: String, isMain: Bool, schedule: Schedule, sampler: any SampledInput,
        frameSize: (height: Int, width: Int), savedState: Data?
    ) throws -> any MapSource {
        try compute.checkGoesWithGraphs(of: name)
        if case .levels = reuse.reuse {
            throw VitvideoError(
                .usage,
                reason: "--reuse is of plain Vision Transformers, and \(name) is another (\(model.title))",
                nextStep: .advice("leave it out"))
        }
        let (labels, classes) = try self.classes.classes(
            of: model, name: name, isMain: isMain, headFile: head.file, wantsNumbers: output.wantsNumbers,
            target: method.classChoice, offline: self.model.offline)
        let probed = try ProbedGraph(
            model, name: name, resolution: self.model.resolution?.value, labels: labels,
            shownCount: self.classes.labels == nil ? 0 : self.classes.topK, classes: classes)
        var settings = method.given
        if let index = head.index { settings[MethodOptions.heads] = [index] }
        return try method.method.value.makeSource(
            GraphRequest(
                model: probed, settings: settings, frameHeight: frameSize.height, frameWidth: frameSize.width,
                threads: schedule.workers * schedule.threadsPerFrame, savedState: savedState,
                forEachSample: sampler.forEachFrame, picture: { try picture($0, sampler) }))
    }

    /// The picture that a query is in.
    private func picture(_ place: QueryPlace, _ sampler: any SampledInput) throws -> RGBImage {
        switch place {
        case .picture(let path): try VideoReader.picture(in: path)
        case .frame(let index): try sampler.frame(at: index)
        case .everyFrame: preconditionFailure("no picture is asked for")
        }
    }

    private func makeSource(
        _ loaded: Model, name: String, isMain: Bool, schedule: Schedule, sampler: any SampledInput,
        savedState: Data? = nil, check: (ProbedModel) throws -> Void
    ) throws -> any MapSource {
        let threads = schedule.workers * schedule.threadsPerFrame
        let classification = try classes.classification(
            of: loaded, isMain: isMain, headFile: head.file, wantsNumbers: output.wantsNumbers,
            target: method.classChoice, offline: model.offline)
        let probed = ProbedModel(
            loaded, name: name, resolution: model.resolution(for: loaded), classification: classification)
        try check(probed)
        var settings = method.given
        if let index = head.index { settings[MethodOptions.heads] = [index] }
        let request = MethodRequest(
            model: probed, settings: settings, threads: threads,
            availableBytes: memory.budgetBytes ?? Allocation.current.availableBytes(), savedState: savedState,
            forEachSample: sampler.forEachFrame,
            picture: { try picture($0, sampler) }
        ) {
            let engine = try compute.engine(
                for: loaded, isExact: output.wantsNumbers || output.wantsMasks)
            if engine.precision == .int8, let image = try sampler.firstFrame() {
                try verify(engine, of: probed, on: image, threads: threads)
            }
            return engine
        }
        return try method.method.value.makeSource(request)
    }

    /// Refuses frames of far too many patches, or says what they take.
    func checkSize(height: Int, width: Int, for probed: ProbedModel) throws {
        guard let huge = try HugeFrame(of: probed, height: height, width: width) else { return }
        guard memory.allowHugeFrames else { throw huge.refusal }
        if !messages.quiet { StandardError.line("vitvideo: note: \(huge.estimate)") }
    }

    /// Refuses a precision in which the model's attention changes too much.
    private func verify(_ engine: Engine, of probed: ProbedModel, on image: RGBImage, threads: Int) throws {
        let check = try PrecisionCheck(
            probed, engine: engine, reference: try compute.engine(for: probed.model, precision: .float32),
            on: image, threads: threads)
        try check.verify(engine)
        if messages.verbose {
            StandardError.line(
                "\(probed.name): in \(engine.precision.rawValue) off by \(check.text) of 255 on the first frame"
            )
        }
    }

    /// Says what computes, and on how many patches of frames of this size.
    func describe(_ plan: AnnotationPlan, _ schedule: Schedule, height: Int, width: Int) throws {
        for source in plan.sources {
            let layout = try source.layout(height: height, width: width)
            StandardError.line(
                "\(source.name): \(layout.columns)×\(layout.rows) patches"
                    + ((source as? any PlainMapSource).map { " of \($0.probed.configuration.patchSize)" }
                        ?? "")
                    + ", \(source.summary), \(schedule), " + source.computation
            )
            StandardError.line("\(source.name): \(source.subject.reading)")
        }
    }
}
