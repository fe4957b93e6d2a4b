import Base
import Files
import FoundationEssentials
import Glibc
import Pipeline
import ViT
import VideoIO

/// What `--resume` adds to a run: where the job keeps its segments, and what the job is.
struct Resumption {
    /// The share that the run computes; nil where it computes all that is missing, and joins.
    let share: JobShare?
    /// The directory of the segments.
    private let path: String
    /// An earlier run of perhaps the same job; nil where none binds this one.
    let earlier: SegmentStore.Job?
    private let options: ResumeOptions

    /// - Throws: `VitvideoError` of kind `usage` where the input or the output does not go with segments.
    init(input: String, output: OutputOptions, info: VideoInfo, _ options: ResumeOptions) throws {
        guard info.canReopen else {
            throw VitvideoError(
                .usage,
                reason: "--resume reads the input again, which "
                    + (input == "-" ? "standard input" : input)
                    + " does not allow; save it to a file first")
        }
        if let output = output.output { try SegmentEncoder.check(output) }
        self.options = options
        share = try options.share()
        path = SegmentStore.path(for: output.paths[0])
        earlier = SegmentStore.job(at: path)
        if share != nil, earlier == nil, !output.overwrite {
            // The job has been joined, or is not to be begun.
            for path in output.paths.map(OutputFormat.firstPath) where FileSystem.exists(path) {
                throw VitvideoError.existsAlready(path)
            }
        }
    }

    /// The input's hash, read from the input only where an earlier run has not done so.
    ///
    /// - Throws: `VitvideoError` where the input cannot be read.
    func hash(of input: String) throws -> StampedHash? {
        let paths = try InputFiles.paths(of: input)
        guard paths.count == 1 else { return nil }
        if let known = earlier?.input, known.isOf(file: paths[0]) { return known }
        return try StampedHash(ofFile: paths[0])
    }

    /// - Throws: `VitvideoError` as the store.
    func open(
        _ identity: JobIdentity, plan: AnnotationPlan, input: StampedHash?, computation: Computation
    ) throws -> SegmentStore {
        if let earlier, let error = SegmentStore.difference(of: identity, from: earlier, at: path) {
            throw error
        }
        var states: [String: Data] = [:]
        for source in plan.sources { states[source.name] = try source.savedState() }
        return try SegmentStore(
            path: path,
            job: SegmentStore.Job(
                identity: identity, states: states, limits: plan.limits,
                computation: computation.description, input: input),
            segmentFrames: options.segmentFrames, isShare: share != nil)
    }

    /// Whether what the job has found out beforehand is what this run has begun with: another run may have begun it in
    /// the meantime.
    func agrees(with store: SegmentStore) -> Bool {
        guard let earlier else { return store.isNew }
        return earlier.states == store.job.states && earlier.limits == store.job.limits
    }

    /// - Parameter plan: whose sources compute.
    func computation(of plan: AnnotationPlan) -> Computation {
        let products = Set(plan.sources.map(\.computation)).sorted().joined(separator: " and ")
        return Computation(
            "\(products), other kernels in \(Engine.kernelInstructionSet)", mayDiffer: options.allowMixedCPUs)
    }

    /// The plan of shares: that of the directory, or a new one.
    ///
    /// - Throws: as `VideoReader.outline` and the store.
    func outline(of input: String, _ readerOptions: ReaderOptions, in store: SegmentStore) throws
        -> SelectionOutline?
    {
        guard share != nil else { return store.knownOutline }
        return try store.outline { try VideoReader.outline(of: input, options: readerOptions) }
    }
}

extension Annotate {
    /// Opens the directory of a resumable job.
    ///
    /// - Parameters:
    ///   - plan: what the options ask for; made anew where another run has begun the job meanwhile.
    ///   - prepare: makes it of what a job has found out.
    func openStore(
        of resumption: Resumption, input: String, _ plan: inout AnnotationPlan, schedule: Schedule,
        prepare: (SegmentStore.Job?) throws -> AnnotationPlan
    ) throws -> SegmentStore {
        let hash = try resumption.hash(of: input)
        let store = try resumption.open(
            try identity(of: input, hash: hash, plan, schedule: schedule), plan: plan, input: hash,
            computation: resumption.computation(of: plan))
        if !resumption.agrees(with: store) { plan = try prepare(store.job) }
        return store
    }

    /// All that decides about the content of the outputs.
    ///
    /// - Parameter hash: of the input, where it is one file.
    /// - Throws: `VitvideoError` where a file cannot be read.
    func identity(
        of input: String, hash: StampedHash?, _ plan: AnnotationPlan, schedule: Schedule
    ) throws -> JobIdentity {
        var identity = JobIdentity()
        identity.addVersions()
        let content = "the content of the input"
        if let hash {
            try identity.add(content, hash: hash.sha256)
        } else {
            try identity.add(content, contentOf: InputFiles.paths(of: input))
        }
        identity.add("the number of models", plan.sources.count)
        for source in plan.sources {
            try identity.add(weightsHash: source.subject.weightsHash, named: source.name)
            if let texts = source.subject.textTokens {
                identity.add("the texts of \(source.name)", "\(texts)")
            }
        }
        try addSettings(to: &identity)
        identity.add(schedule.settings)
        return identity
    }

    /// All that decides about the content of the outputs besides the input.
    ///
    /// - Throws: `VitvideoError` where a model or another file cannot be read.
    func settingsIdentity() throws -> JobIdentity {
        var identity = JobIdentity()
        identity.addVersions()
        for model in try AnnotationPlan.models(
            comparison: comparison, model: model, view: view, method: method.method.value)
        {
            try identity.add(weightsHash: self.model.loadAny(model).weightsHash, named: model.shortName)
        }
        try addSettings(to: &identity)
        identity.add(compute.settings)
        return identity
    }

    private func addSettings(to identity: inout JobIdentity) throws {
        identity.add(frames.settings + model.settings + method.settings + view.settings + comparison.settings)
        try identity.add(contentOfEach: comparison.recordingPaths(model))
        identity.add(classes.settings + head.settings)
        try identity.add(contentOfEach: classes.files + head.files)
        identity.add(output.settings + resume.settings + reuse.settings)
    }
}

extension JobIdentity {
    fileprivate mutating func add(_ settings: JobSettings) {
        for (name, value) in settings { add(name, value) }
    }

    fileprivate mutating func addVersions() {
        add("the version of vitvideo", Version.current)
        add("the version of FFmpeg", FFmpegLibrary.version)
    }

    fileprivate mutating func add(weightsHash: String, named name: String) throws {
        add("the model", name)
        try add("the weights of \(name)", hash: weightsHash)
    }

    /// - Throws: `VitvideoError` where a file cannot be read.
    fileprivate mutating func add(contentOfEach paths: [String]) throws {
        for path in paths { try add("the content of \(path)", contentOf: [path]) }
    }
}

// MARK: What is said

extension SegmentStore {
    /// What an earlier run has left.
    var beginning: [String] {
        var lines = warnings.map { "vitvideo: warning: \($0)" }
        if segments > 0 {
            lines.append(
                "vitvideo: note: going on from \(frames) frames in \(segments) segment\(segments == 1 ? "" : "s") of \(path)"
            )
        }
        return lines
    }

    /// What a run has led to.
    ///
    /// - Parameter share: that it has computed; nil where it has joined all.
    func end(of share: JobShare?) -> [String] {
        let parts = computations
        var lines = parts.count > 1 ? parts.map { "vitvideo: note: \($0)" } : []
        if let share {
            var line = "vitvideo: \(share): \(frames + undrawnFrames) frames are in \(path)"
            if undrawnFrames > 0 {
                line +=
                    "; the scale needs the frames before them, so that \(undrawnFrames) are drawn when the same command "
                    + "runs once more after all parts, or when they are joined"
            }
            lines.append(line)
        }
        return lines
    }
}
