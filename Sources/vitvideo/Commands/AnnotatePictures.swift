import Archives
import ArgumentParser
import Base
import Files
import Glibc
import Methods
import Pipeline
import Pixels
import Probing
import Rendering
import ViT
import VideoIO

/// Pictures that are no clip: each has outputs of its own, named after it, and what is of all of them is keyed by their
/// names.
extension Annotate {
    func annotatePictures() throws {
        let style = try view.style(standardScale: method.method.value.standardScale)
        try checkGoesWithPictures(style)
        let paths = try PictureList.paths(of: inputs.paths)
        let names = PictureName.names(of: paths)
        try checkOutputs(of: names, inputs: paths)
        let warnings = WarningList()
        let schedule = threads.schedule(frames: paths.count)
        let check = PictureCheck(
            workers: schedule.workers, budget: memory.budgetBytes, allowsHuge: memory.allowHugeFrames)
        let sampler = PictureSampler(paths: paths, check: check.checkSize)
        var plan = try makePlan(warnings) {
            try makeSource(
                $0, name: $1, isMain: $2, schedule: schedule, sampler: sampler,
                frameSize: { try sampler.firstFrame().map { ($0.height, $0.width) } ?? (1, 1) },
                check: check.add)
        }
        check.add(plan.sources)
        if style.scale.isOfClip, output.output != nil {
            try plan.measureLimits(
                sampler, for: style.scale, threads: schedule.workers * schedule.threadsPerFrame)
        }
        // Before there are files: a signal between the two would leave them behind.
        let stop = StopRequest()
        let temporaries = TemporaryFiles()
        Interruption.begin(stop: stop, notice: "finishing the pictures under way", abort: temporaries.remove)
        let outputs = try PictureOutputs(self, names: names, plan: plan, style: style, warnings: warnings)
        temporaries.add(outputs.shared.flatMap(\.temporaryPaths))
        var own: [String] = []
        let job = PictureListJob(
            paths: paths, analysis: plan.analysis, workers: schedule.workers,
            threadsPerPicture: schedule.threadsPerFrame, isStrict: frames.strict, check: check.check,
            shared: outputs.shared,
            makeOutputs: { picture in
                let sinks = try outputs.own(of: picture)
                let paths = sinks.flatMap(\.temporaryPaths)
                temporaries.replace(own, by: paths)
                own = paths
                return sinks
            }, stop: stop, words: { $0.words })
        if messages.verbose {
            StandardError.line("\(paths.count) picture\(paths.count == 1 ? "" : "s")")
            if let first = try sampler.firstFrame() {
                try describe(plan, schedule, height: first.height, width: first.width)
            }
        }
        if !messages.quiet { plan.printNotices() }

        let unit = (name: "pictures", rate: "a second")
        let display = ProgressDisplay(style: messages.progressStyle, total: paths.count, unit: unit)
        let start = ContinuousClock.now
        let outcome: PictureListJob.Outcome
        do {
            defer { display.finish() }
            outcome = try job.run { display.update(frames: $0, lastFrame: $0 - 1) }
        }
        if !messages.quiet {
            warnings.print()
            LeftOutPictures.print(outcome.counts)
            for line in outputs.statistics?.summary.lines ?? [] { StandardError.line(line) }
        }
        if messages.verbose {
            let timing = TimingSummary(meters: job.meters, workers: schedule.workers, unit: unit)
            StandardError.line(
                timing.text(
                    count: outcome.counts.used, seconds: (ContinuousClock.now - start) / .seconds(1)))
        }
        if case .interrupted(let counts, let partial) = outcome {
            let done =
                counts.used == 0
                ? "nothing was finished" : "\(counts.used) of \(paths.count) pictures are done"
            throw VitvideoError(
                .interrupted,
                reason: (["interrupted; \(done)"]
                    + (partial.isEmpty ? [] : [partial.joined(separator: ", ")]))
                    .joined(separator: ", and in "))
        }
    }

    /// Refuses options that are about a clip, and outputs that hold one picture.
    private func checkGoesWithPictures(_ style: HeatStyle) throws {
        func refuse(_ reason: String, _ advice: String) throws -> Never {
            throw VitvideoError(.usage, reason: reason, nextStep: .advice(advice))
        }
        let count = inputs.paths.count == 1 ? inputs.paths[0] : "a list of \(inputs.paths.count)"
        if let option = frames.ofClip.first {
            try refuse(
                "\(option) chooses among the frames of a clip, and \(count) is pictures", "leave it out")
        }
        if resume.isOn {
            try refuse(
                "--resume goes on with a clip, and \(count) is pictures", "name those that are missing")
        }
        if case .levels = reuse.reuse {
            try refuse(
                "--reuse takes over from one frame of a clip to the next, and \(count) is pictures",
                "leave it out")
        }
        if output.plot != nil {
            try refuse("--plot draws a clip over time, and \(count) is pictures", "use --stats FILE.csv")
        }
        if !comparison.recordingPaths(model).isEmpty {
            try refuse("a recording goes along with a clip, and \(count) is pictures", "leave video:FILE out")
        }
        if case .smooth = style.scale {
            try refuse(
                "--scale smooth follows a clip, and \(count) is pictures",
                "use --scale frame, or clip for one pair of limits for all")
        }
        for (option, path) in [("-o", output.output), ("--masks", output.masks)] {
            guard let path, !path.contains(PictureName.placeholder) else { continue }
            let folder = path.parentPath == "." ? "" : path.parentPath + "/"
            let ending =
                OutputOptions.pictureExtensions.contains(path.pathExtension) ? path.pathExtension : "png"
            try refuse(
                "\(count) is pictures that are no clip, and \(option) \(path) names one output",
                "write one for each, \(option) '\(folder)%s.\(ending)'; a clip of numbered pictures is named as "
                    + "'frames/f%03d.png'")
        }
        if let path = output.output, !OutputOptions.isOfOnePicture(path) {
            try refuse(
                "-o \(path) names an output for each picture, and is no picture's name",
                "let it end on .png or .jpg; several videos are annotated by 'vitvideo batch'")
        }
    }

    /// Finds out before anything is computed that a name is taken, even by one of the pictures, or cannot be written.
    private func checkOutputs(of names: [PictureName], inputs: [String]) throws {
        let read = Set(inputs.map { FileSystem.realpath($0) ?? $0 })
        let patterns = [output.output, output.masks, output.export].compactMap { $0 }
        for pattern in patterns where pattern.contains(PictureName.placeholder) {
            for name in names where ArchiveFormat(path: pattern) != .zarr {
                let path = name.path(pattern)
                try AtomicFile.check(path, overwrite: output.overwrite)
                if let path = FileSystem.realpath(path), read.contains(path) {
                    throw VitvideoError(
                        .cannotCreate, cannot: "create", path: path, reason: "it is one of the pictures",
                        nextStep: .advice("write to another directory, or to another name as in '%s-map.png'")
                    )
                }
            }
        }
    }
}

/// Whether models can look at a picture. It learns which they are as they are loaded.
private final class PictureCheck: Sendable {
    private let models = Mutex<[ProbedModel]>([])
    private let sources = Mutex<[any MapSource]>([])
    private let workers: Int
    private let budget: Int?
    private let allowsHuge: Bool

    init(workers: Int, budget: Int?, allowsHuge: Bool) {
        self.workers = workers
        self.budget = budget
        self.allowsHuge = allowsHuge
    }

    func add(_ model: ProbedModel) { models.withLock { $0.append(model) } }
    func add(_ more: [any MapSource]) { sources.withLock { $0 += more } }

    /// - Throws: `VitvideoError` of kind `usage` for a picture of no whole patch, or of far too many.
    @Sendable func checkSize(_ image: RGBImage) throws {
        for model in models.withLock({ $0 }) {
            let huge = try HugeFrame(of: model, height: image.height, width: image.width)
            if let huge, !allowsHuge { throw huge.refusal }
        }
    }

    /// - Throws: also for a picture without the query's patch, and one that does not fit into memory.
    @Sendable func check(_ image: RGBImage) throws {
        try checkSize(image)
        try AnnotationPlan.prepare(
            sources.withLock { $0 }, frameHeight: image.height, frameWidth: image.width, workers: workers,
            budget: budget)
    }
}
