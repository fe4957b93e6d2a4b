import Base
import FoundationEssentials
import Glibc
import Pipeline
import ViT
import VideoIO

/// What `--resume` adds to a run: where the job keeps its segments, and what the job is.
struct Resumption {
    /// The directory of the segments.
    let path: String
    /// An earlier run of perhaps the same job; nil where none has finished a segment.
    private let earlier: SegmentStore.Job?

    /// - Throws: `VitvideoError` of kind `usage` where the input or the output does not go with segments.
    init(input: String, output: OutputOptions, info: VideoInfo) throws {
        guard info.canReopen else {
            throw VitvideoError(
                .usage,
                reason: "--resume reads the input again, which "
                    + (input == "-" ? "standard input" : input)
                    + " does not allow; save it to a file first")
        }
        if let output = output.output { try SegmentEncoder.check(output) }
        path = SegmentStore.path(for: output.paths[0])
        earlier = SegmentStore.job(at: path)
    }

    /// What the method found out about a model in an earlier run.
    func state(of model: String) -> Data? { earlier?.states[model] }

    /// - Throws: `VitvideoError` as the store.
    func open(_ identity: JobIdentity, plan: AnnotationPlan, segmentFrames: Int) throws -> SegmentStore {
        var states: [String: Data] = [:]
        for source in plan.sources { states[source.name] = try source.savedState() }
        return try SegmentStore(
            path: path, job: SegmentStore.Job(identity: identity, states: states),
            segmentFrames: segmentFrames)
    }
}

extension Annotate {
    /// All that decides about the content of the outputs.
    ///
    /// - Throws: `VitvideoError` where a file cannot be read.
    func identity(of input: String, _ plan: AnnotationPlan, schedule: Schedule) throws -> JobIdentity {
        var identity = JobIdentity()
        identity.add("the version of vitvideo", Version.current)
        identity.add("the version of FFmpeg", FFmpegLibrary.version)
        identity.add("the CPU", Processor.name)
        try identity.add("the content of the input", contentOf: InputFiles.paths(of: input))
        identity.add(frames.settings)

        identity.add("the number of models", plan.sources.count)
        for source in plan.sources {
            identity.add("the model", source.name)
            try identity.add("the weights of \(source.name)", hash: source.probed.model.weightsHash)
            identity.add("the computation of \(source.name)", source.computation)
            if let texts = source.probed.classification?.classifier.textTokens {
                identity.add("the texts of \(source.name)", "\(texts)")
            }
        }
        identity.add(model.settings + method.settings + view.settings + comparison.settings)
        try identity.add(contentOfEach: comparison.recordingPaths(model))
        identity.add(classes.settings + head.settings)
        try identity.add(contentOfEach: classes.files + head.files)
        identity.add(output.settings + schedule.settings + resume.settings)
        return identity
    }
}

extension JobIdentity {
    fileprivate mutating func add(_ settings: JobSettings) {
        for (name, value) in settings { add(name, value) }
    }

    /// - Throws: `VitvideoError` where a file cannot be read.
    fileprivate mutating func add(contentOfEach paths: [String]) throws {
        for path in paths { try add("the content of \(path)", contentOf: [path]) }
    }
}
