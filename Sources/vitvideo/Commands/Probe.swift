import ArgumentParser
import Base
import Files
import Glibc
import Methods
import Pipeline
import Report
import ViT
import VideoIO

struct Probe: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a report on pictures: what models attend to, and how far they look.",
        usage: """
            vitvideo probe <images> ... -o <directory> [<options>]
            """,
        discussion: """
            Everything about a few pictures:
            vitvideo probe dog.jpg cat.jpg -o report/

            The mean attention distance over thousands:
            vitvideo probe photos/ -o report/ --only distance

            The experiments of Ghiasi et al. 2022:
            vitvideo probe photos/ -o report/ --only globalization,class-token,neurons
            vitvideo probe photos/ -o report/ --only background --boxes boxes.csv

            Two models side by side, or one's own:
            vitvideo probe dog.jpg -o report/ --model dino,dinov2_vits14
            vitvideo probe dog.jpg -o report/ --weights my_vit.pth --only heads,rollout

            Several models, their names separated by commas, stand side by side. The directory holds index.html, \
            which needs no network, the figures as PNG and SVG, and the arrays behind them as .npz. It has its name \
            only once it is complete.
            """)

    @Argument(
        help: ArgumentHelp(
            "Pictures, and directories of pictures; of a video the first frame.", valueName: "images"))
    var images: [String] = []

    @OptionGroup(title: "Report") var report: ReportOptionGroup
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Classification") var classes: ClassificationOptions
    @OptionGroup(title: "Classification") var head: ClassifierOption
    @OptionGroup(title: "Running") var threads: ThreadOptions
    @OptionGroup(title: "Running") var compute: ReportComputeOptions
    @OptionGroup(title: "Running") var memory: MemoryOptions
    @OptionGroup(title: "Running") var messages: MessageOptions

    func validate() throws {
        if images.contains("-") {
            throw ValidationError(
                "pictures are read from files, not from standard input; save it to one first")
        }
        try FileArguments.check(
            [
                ("--weights", model.weights), ("--labels", classes.labels), ("--head", head.file),
                ("--boxes", report.boxes),
            ])
        try classes.texts.check(labels: classes.labels, headFile: head.file)
        if images.isEmpty, report.options(classes: 1, boxes: nil).picturesRead(of: 1) > 0 {
            throw ValidationError("no pictures are given; '--only filters,positions' needs none")
        }
        if model.weights == nil, model.names(in: model.name).count > 1, let option = model.optionOfOneModel {
            throw ValidationError(
                "\(option) is about one model; with several --define names them, and --set says it")
        }
    }

    func run() throws {
        let options = report.options(
            classes: classes.topK, boxes: try report.boxes.map { try BoxList(contentsOf: $0) })
        let paths = try PictureList.paths(of: images)
        let subjects = try subjects()
        let total = options.picturesRead(of: paths.count)
        let schedule = threads.schedule(frames: total)
        let stop = StopRequest()
        let job = try ReportJob(
            path: report.output, overwrite: report.overwrite, paths: paths, subjects: subjects,
            options: options, workers: schedule.workers, threadsPerPicture: schedule.threadsPerFrame,
            memoryBudget: memory.budgetBytes, allowsHugePictures: memory.allowHugeFrames, stop: stop,
            version: Version.current,
            words: { $0.words })
        Interruption.begin(stop: stop, notice: "finishing the pictures under way") {
            [unfinished = job.temporaryPath] in
            OutputDirectory.removeUnfinished(unfinished)
        }
        if !messages.quiet {
            for notice in Set(subjects.compactMap(\.notice)).sorted() {
                StandardError.line("vitvideo: note: \(notice)")
            }
            for notice in job.notices { StandardError.line("vitvideo: warning: \(notice)") }
            for subject in subjects { ModelNotices.print(subject.notices, as: subject.name) }
        }

        if messages.verbose { describe(subjects, pictures: total, schedule) }

        let unit = (name: "pictures", rate: "a second")
        let display = ProgressDisplay(style: messages.progressStyle, total: total, unit: unit)
        let start = ContinuousClock.now
        let outcome: ReportJob.Outcome
        do {
            defer { display.finish() }
            outcome = try job.run { display.update(frames: $0, lastFrame: $0 - 1) }
        }
        if !messages.quiet { LeftOutPictures.print(outcome.counts) }
        if messages.verbose {
            let timing = TimingSummary(
                meters: job.meters, workers: schedule.workers, unit: unit, outputStage: "draw and write")
            StandardError.line(
                timing.text(
                    count: outcome.counts.used, seconds: (ContinuousClock.now - start) / .seconds(1)))
        }
        if case .interrupted(let counts, let path) = outcome {
            throw VitvideoError(
                .interrupted,
                reason: "interrupted; "
                    + (path.map { "\(counts.used) pictures are in \($0)" } ?? "nothing was finished"))
        }
    }

    private func describe(_ subjects: [any ReportModel], pictures: Int, _ schedule: Schedule) {
        StandardError.line("\(report.output): \(pictures) picture\(pictures == 1 ? "" : "s")")
        for subject in subjects {
            StandardError.line(
                "\(subject.name): \(subject.given), \(subject.shape), \(schedule), \(subject.computation)")
            StandardError.line("\(subject.name): \(subject.reading)")
        }
    }

    /// The models, each once.
    private func subjects() throws -> [any ReportModel] {
        let identities = try model.listedIdentities()
        var subjects: [any ReportModel] = []
        var seen: Set<ModelIdentity> = []
        for identity in identities where seen.insert(identity).inserted {
            let loaded = try model.loadAny(identity)
            let given = identities.count == 1 ? loaded.name : identity.shortName
            let alike = subjects.count { $0.name == given }
            let name = alike == 0 ? given : "\(given) (\(subjects.count + 1))"
            subjects.append(try subject(loaded, name: name, isMain: subjects.isEmpty))
        }
        return subjects
    }

    private func subject(_ loaded: LoadedModel, name: String, isMain: Bool) throws -> any ReportModel {
        switch loaded {
        case .plain(let loaded):
            let classification = try classes.classification(
                of: loaded, isMain: isMain, headFile: head.file, wantsNumbers: true, offline: model.offline)
            return ReportSubject(
                engine: try compute.engine(for: loaded), name: name,
                resolution: model.resolution(for: loaded), classification: classification)
        case .graph(let loaded):
            try compute.checkGoesWithGraphs(of: name)
            let (labels, count) = try classes.classes(
                of: loaded, name: name, isMain: isMain, headFile: head.file, wantsNumbers: true, target: nil,
                offline: model.offline)
            return try ReportGraph(
                ProbedGraph(
                    loaded, name: name, resolution: model.resolution?.value, labels: labels, classes: count))
        }
    }
}
