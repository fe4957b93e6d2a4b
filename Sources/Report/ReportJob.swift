import Base
import Files
import Glibc
import Methods
import Pipeline
import Rendering
import ViT
import VideoIO

/// Makes a report on pictures: reads them one after the other, measures each with every model, and writes page,
/// figures and arrays as they come. Memory does not grow with the number of pictures but for their names.
package final class ReportJob {
    package enum Outcome: Sendable, Equatable {
        case complete(PictureCounts)
        /// Stopped on request; what there is lies under this name, nil where nothing was done yet.
        case interrupted(PictureCounts, partialPath: String?)

        package var counts: PictureCounts {
            switch self {
            case .complete(let counts), .interrupted(let counts, _): counts
            }
        }
    }

    /// What gathers a survey's measures, and the section it is for.
    private struct RunningSurvey {
        let section: String
        /// Nil where no model of the report is one that it is about.
        let collector: (any SurveyCollector)?
        /// What is said of the models that it is not about.
        let notes: [PageEntry]
    }

    private let paths: [String]
    private let subjects: [any ReportModel]
    private let options: ReportOptions
    private let workers: Int
    private let threadsPerPicture: Int
    private let memory: PictureMemory
    private let stop: StopRequest
    /// Where the time went: reading, measuring, and drawing with writing.
    package let meters = StageMeters()
    private let allowsHugePictures: Bool
    private let words: @Sendable (NextStep) -> String?
    private let directory: OutputDirectory
    private let writer: FigureWriter
    private let plan: SurveyPlan
    private let surveys: [RunningSurvey]
    private var page: PageContent
    private var usedPaths: [String] = []
    private var shown = 0

    /// Makes the directory under a temporary name.
    ///
    /// - Parameters:
    ///   - path: of the report's directory.
    ///   - overwrite: whether a report that is there already is replaced.
    ///   - paths: of the pictures.
    ///   - subjects: at least one, named differently.
    ///   - workers: pictures under way at once.
    ///   - memoryBudget: bytes for pictures and inference beside the models; nil for what is left to this process.
    ///   - allowsHugePictures: whether pictures of more patches than `HugeFrame.limit` are measured, not left out.
    ///   - version: of the tool, for the page and the archives.
    ///   - words: how to say what can be done about a picture that is left out.
    /// - Throws: `VitvideoError` of kind `cannotCreate`, and of kind `usage` for options that a model does not have.
    package init(
        path: String, overwrite: Bool, paths: [String], subjects: [any ReportModel], options: ReportOptions,
        workers: Int, threadsPerPicture: Int, memoryBudget: Int? = nil,
        allowsHugePictures: Bool = false, stop: StopRequest, version: String,
        words: @escaping @Sendable (NextStep) -> String?
    ) throws {
        precondition(!subjects.isEmpty, "a report is about a model")
        for subject in subjects {
            for method in options.registry.methods {
                if let section = method.section { try subject.check(section, options.settings) }
            }
        }
        let boxes = try options.boxes.map { try PictureBoxes($0, pictures: paths) }
        plan = try SurveyPlan(models: subjects, options: options, boxes: boxes)
        self.paths = paths
        self.subjects = subjects
        self.options = options
        self.workers = workers
        self.threadsPerPicture = threadsPerPicture
        memory = PictureMemory(subjects: subjects, workers: workers, budgetBytes: memoryBudget)
        self.allowsHugePictures = allowsHugePictures
        self.stop = stop
        self.words = words
        page = PageContent(subjects: subjects, options: options, version: version, named: paths.count)
        let directory = try OutputDirectory(path, .report, overwrite: overwrite)
        self.directory = directory
        do {
            let writer = try FigureWriter(directory, version: version)
            self.writer = writer
            surveys = try options.surveys.map { [plan] section, survey in
                let isOfAll = survey.isOfAnyTransformer
                return RunningSurvey(
                    section: section.name,
                    collector: isOfAll || !plan.subjects.isEmpty
                        ? try survey.makeCollector(plan, writer: writer) : nil,
                    notes: isOfAll
                        ? []
                        : plan.models.compactMap { model in
                            model.obstacle.map { PageEntry(model: model.name, .note($0)) }
                        })
            }
        } catch {
            directory.abandon()
            throw error
        }
    }

    /// What of the boxes is not used, a line each.
    package var notices: [String] {
        plan.boxes.map { boxes in boxes.notices.map { "\(boxes.source): \($0)" } } ?? []
    }

    /// What to remove, with all that is in it, where the process has to end at once.
    package var temporaryPath: String { directory.temporaryPath }

    /// - Parameter progress: called after each picture with the number of those done, left out or not.
    /// - Throws: the first error of any stage, and `VitvideoError` of kind `badData` where no picture could be used;
    ///   nothing is left then.
    package func run(progress: (_ pictures: Int) -> Void) throws -> Outcome {
        do {
            try measure(progress)
            let counts = PictureCounts(used: usedPaths.count, skipped: page.skipped)
            if stop.isRequested && usedPaths.isEmpty {
                directory.abandon()
                return .interrupted(counts, partialPath: nil)
            }
            if let error = counts.nothingUsed { throw error }
            try finish()
            guard stop.isRequested else {
                try directory.commit()
                return .complete(counts)
            }
            return .interrupted(counts, partialPath: try directory.commitPartial())
        } catch {
            directory.abandon()
            throw error
        }
    }

    // MARK: Pictures

    private enum Measured: Sendable {
        case used(path: String, isShown: Bool, [PictureMeasures])
        case skipped(String)
    }

    private func measure(_ progress: (Int) -> Void) throws {
        guard options.picturesRead(of: paths.count) > 0 else { return }
        let (subjects, plan, words, allowsHuge) = (subjects, plan, words, allowsHugePictures)
        let source = ReportPictures(
            PictureSource(paths: paths) { image in
                for subject in subjects {
                    try subject.checkSize(
                        height: image.height, width: image.width, allowsHuge: allowsHuge)
                }
            }, options: options)
        let (workers, threads, memory) = (workers, threadsPerPicture, memory)
        let pipeline = OrderedPipeline<(picture: SourcePicture, isShown: Bool), Measured>(
            source: { [stop] in stop.isRequested ? nil : source.next() },
            makeWorker: {
                let probes = try subjects.map {
                    try $0.makeProbe(plan, threads: threads, workers: workers)
                }
                return { next in
                    let (picture, isShown) = next
                    switch picture.content {
                    case .unusable(let error): return .skipped(error.line(words))
                    case .picture(let image):
                        let shares = try memory.shares(height: image.height, width: image.width)
                        return .used(
                            path: picture.path, isShown: isShown,
                            try zip(probes, shares).map { probe, bytes in
                                do {
                                    return try probe.measure(
                                        image, path: picture.path, isShown: isShown, availableBytes: bytes)
                                } catch let error as VitvideoError
                                    where error.kind == .badData && error.path == nil
                                {
                                    throw VitvideoError(
                                        error.kind, path: picture.path, reason: error.reason,
                                        nextStep: error.nextStep)
                                }
                            })
                    }
                }
            }, workers: workers, queueDepth: 2, meters: meters, isGivenUp: { [stop] in stop.isOverdue })
        var done = 0
        try pipeline.run { measured in
            switch measured {
            case .skipped(let reason): page.skipped.append(reason)
            case .used(let path, let isShown, let measures):
                usedPaths.append(path)
                try add(measures, of: path, isShown: isShown)
            }
            done += 1
            progress(done)
        }
    }

    private func add(_ measures: [PictureMeasures], of path: String, isShown: Bool) throws {
        if isShown { shown += 1 }
        let picture = CollectedPicture(path: path, shownNumber: isShown ? shown : nil)
        for (index, survey) in surveys.enumerated() {
            try survey.collector?.addMeasures(measures.compactMap { $0.surveys[index] }, of: picture)
        }
        guard isShown else { return }
        for (subject, measures) in zip(subjects, measures) {
            guard let findings = measures.findings else { continue }
            let contents = try PictureFigures(
                subject: subject, options: options, writer: writer, path: path, number: shown
            ).write(findings)
            for (section, content) in contents {
                var blocks = page.blocks[section] ?? []
                if blocks.count < shown { blocks.append(PageBlock(heading: path, entries: [])) }
                blocks[shown - 1].entries.append(PageEntry(model: subject.name, content))
                page.blocks[section] = blocks
            }
        }
    }

    // MARK: All pictures, and none

    private func finish() throws {
        let end = SurveyEnd(
            paths: usedPaths, isStopped: { [stop] in stop.isRequested },
            read: { try VideoReader.picture(in: $0) },
            threads: workers * threadsPerPicture)
        for survey in surveys {
            let notes = survey.notes.isEmpty ? [] : [PageBlock(entries: survey.notes)]
            page.blocks[survey.section] = (try survey.collector?.finish(end) ?? []) + notes
        }
        if !surveys.isEmpty {
            let names = usedPaths.map { $0.replacing("\n", with: " ") + "\n" }.joined()
            try directory.write(FileName.bytes(of: names), to: "\(FigureWriter.arrays)/pictures.txt")
        }
        if options.contains(.filters) {
            page.blocks[ReportSection.filters.name] = [try ofModels { try $0.filters() }]
        }
        if options.contains(.positions) {
            page.blocks[ReportSection.positions.name] = [try ofModels { try $0.positions() }]
        }
        page.used = usedPaths.count
        page.isInterrupted = stop.isRequested
        try directory.write(ReportPage(content: page).html(), to: ReportDirectory.pageName)
    }

    private func ofModels(_ draw: (ModelFigures) throws -> PageEntry.Content) throws -> PageBlock {
        PageBlock(
            entries: try subjects.map { subject in
                let content = try (subject as? ReportSubject).map {
                    try draw(ModelFigures(subject: $0, writer: writer))
                }
                return PageEntry(model: subject.name, content ?? .note(subject.obstacle ?? ""))
            })
    }
}
