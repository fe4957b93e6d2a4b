import Base
import Foundation
import Pipeline
import ViT
import VideoIO

/// What `--resume` adds to a run: where the job keeps its segments, and what the job is.
struct Resumption {
    /// The directory of the segments.
    let path: String
    /// An earlier run of perhaps the same job; nil where none has finished a segment.
    private let earlier: SegmentStore.Job?

    /// - Throws: `VideoIOError` or `Failure` where the input or the output does not go with segments.
    init(input: InputOptions, output: OutputOptions, info: VideoInfo) throws {
        guard info.canReopen else {
            throw Failure(
                .usage,
                "--resume reads the input again, which "
                    + (input.input == "-" ? "standard input" : input.input)
                    + " does not allow; save it to a file first")
        }
        if let output = output.output { try SegmentEncoder.check(output) }
        path = SegmentStore.path(for: output.paths[0])
        earlier = SegmentStore.job(at: path)
    }

    /// What features were fitted by in an earlier run.
    func features(of model: String) -> FittedFeatures? { earlier?.features[model] }

    /// - Throws: `VitvideoError` as the store.
    func open(_ identity: JobIdentity, plan: AnnotationPlan, segmentFrames: Int) throws -> SegmentStore {
        var features: [String: FittedFeatures] = [:]
        for case let source as FeatureMaps in plan.sources { features[source.name] = source.fitted }
        return try SegmentStore(
            path: path,
            job: SegmentStore.Job(identity: identity, features: features), segmentFrames: segmentFrames)
    }
}

extension Annotate {
    /// All that decides about the content of the outputs.
    ///
    /// - Throws: `VitvideoError` where a file cannot be read.
    func identity(of plan: AnnotationPlan, schedule: Schedule) throws -> JobIdentity {
        var identity = JobIdentity()
        identity.add("the version of vitvideo", Version.current)
        identity.add("the version of FFmpeg", MediaFiles.libraryVersion)
        identity.add("the CPU", Processor.name)
        try identity.add("the content of the input", contentOf: MediaFiles.paths(of: input.input))
        for (name, value) in input.selectionSettings { identity.add(name, value) }

        identity.add("the number of models", plan.sources.count)
        for source in plan.sources {
            identity.add("the model", source.name)
            try identity.add("the weights of \(source.name)", hash: source.probed.model.weightsHash)
            identity.add("the computation of \(source.name)", source.computation)
        }
        for (name, value) in model.settings + method.settings { identity.add(name, value) }
        for (name, value) in view.settings + comparison.settings { identity.add(name, value) }
        for path in comparison.recordingPaths {
            try identity.add("the content of \(path)", contentOf: [path])
        }
        identity.add("--labels", classes.labels)
        identity.add("--top-k", classes.topK)
        identity.add("--head", classes.head)
        for path in classes.files { try identity.add("the content of \(path)", contentOf: [path]) }

        for (name, value) in output.settings { identity.add(name, value) }
        identity.add("--threads for one frame", schedule.threadsPerFrame)
        identity.add("--segment-frames", running.segmentFrames)
        return identity
    }
}

extension InputOptions {
    fileprivate var selectionSettings: [(String, String?)] {
        [
            ("--frames", frames), ("-ss", start), ("-to", end), ("-t", duration),
            ("--video-stream", videoStream.map(String.init)),
        ]
    }
}

extension ModelOptions {
    fileprivate var settings: [(String, String?)] {
        [
            ("--num-heads", numHeads.map(String.init)), ("--checkpoint-key", checkpointKey),
            ("--resolution", resolution?.text), ("--position-rule", positionRule?.rawValue),
        ]
    }
}

extension MethodOptions {
    fileprivate var settings: [(String, String?)] {
        [
            ("--method", method.rawValue), ("--layer", layer.map(String.init)),
            ("--heads", heads.map { "\($0.indices)" }), ("--fusion", fusion?.rawValue),
            ("--query", query.map { "\($0)" }), ("--head-fusion", headFusion?.rawValue),
            ("--discard-ratio", discardRatio.map { "\($0)" }), ("--compat", compat?.rawValue),
            ("--class", target), ("--channel", channel.map(String.init)),
        ]
    }
}

extension ViewOptions {
    fileprivate var settings: [(String, String?)] {
        [
            ("--view", view?.rawValue), ("--alpha", "\(alpha)"), ("--colormap", colormap.description),
            ("--interpolation", interpolation.rawValue), ("--scale", scale), ("--threshold", "\(threshold)"),
        ]
    }
}

extension ComparisonOptions {
    fileprivate var settings: [(String, String?)] {
        [
            ("--compare", names.isEmpty ? nil : names.joined(separator: ",")),
            ("--panel", panels.isEmpty ? nil : panels.joined(separator: " ")),
        ]
    }

    /// The files behind `video:FILE`.
    fileprivate var recordingPaths: [String] {
        (names.flatMap { $0.split(separator: ",").map(String.init) } + panels)
            .filter { $0.hasPrefix("video:") }.map { String($0.dropFirst("video:".count)) }
    }
}

extension ClassificationOptions {
    /// What is read from files.
    fileprivate var files: [String] {
        [labels == "imagenet" ? nil : labels, headIndex == nil ? head : nil].compactMap { $0 }
    }
}

extension OutputOptions {
    /// Names of all outputs; there is one.
    var paths: [String] { [output, export, stats, plot].compactMap { $0 } }

    /// Where an output is written does not count.
    fileprivate var settings: [(String, String?)] {
        func given(_ isGiven: Bool) -> String? { isGiven ? "given" : nil }
        return [
            ("the format of -o", output.map { URL(fileURLWithPath: $0).pathExtension.lowercased() }),
            ("--export", given(export != nil)), ("--stats or --plot", given(wantsStatistics)),
            ("--no-audio", given(noAudio)), ("--codec", codec), ("--crf", "\(crf)"), ("--preset", preset),
        ]
    }
}
