import Base
import Methods
import Pixels
import Probing
import ViT
import VideoIO

/// Carries the masks of given frames through a clip: features of several frames at once, their labels one after the
/// other.
package struct PropagationJob {
    /// Decoded frames that wait between two stages.
    private static let queueDepth = 2

    private let reader: VideoReader
    private let leadingFrames: [VideoFrame]
    private let engine: Engine
    private let input: PropagationInput
    private let settings: PropagationSettings
    private let masks: GivenMasks
    private let workers: Int
    private let threadsPerFrame: Int
    private let sinks: [any SegmentationSink]
    private let stop: StopRequest
    package let meters = StageMeters()

    /// - Parameters:
    ///   - leadingFrames: frames that the reader has given away already, to begin with.
    ///   - input: of the engine's model, for frames of the reader's size.
    ///   - workers: inference threads, each with a frame of its own.
    ///   - threadsPerFrame: threads that share a frame, the worker's included.
    package init(
        reader: VideoReader, leadingFrames: [VideoFrame] = [], engine: Engine, input: PropagationInput,
        settings: PropagationSettings, masks: GivenMasks, workers: Int, threadsPerFrame: Int,
        sinks: [any SegmentationSink], stop: StopRequest
    ) {
        self.reader = reader
        self.leadingFrames = leadingFrames
        self.engine = engine
        self.input = input
        self.settings = settings
        self.masks = masks
        self.workers = workers
        self.threadsPerFrame = threadsPerFrame
        self.sinks = sinks
        self.stop = stop
    }

    /// - Parameter progress: called after each frame has reached the sinks, with the number of frames done and the
    ///   frame's index in the source.
    /// - Throws: the first error of any stage, after removing the unfinished outputs.
    package func run(progress: (_ frames: Int, _ index: Int) throws -> Void) throws -> AnnotationJob.Outcome {
        var frames = 0
        do {
            var follower = try Follower(
                input, settings, masks, of: engine.model.configuration, height: reader.info.height,
                width: reader.info.width, threads: workers * threadsPerFrame)
            let source = FramesInStep(reader: reader, leading: leadingFrames, recordings: [])
            let pipeline = OrderedPipeline<FrameInStep, (frame: VideoFrame, features: PatchFeatures?)>(
                source: { [stop] in stop.isRequested ? nil : try source.next() },
                makeWorker: { [engine, input, threadsPerFrame] in
                    let extractor = try FeatureExtractor(engine, input, threads: threadsPerFrame)
                    return { item in
                        try (item.frame, item.repeatsPrevious ? nil : extractor.features(of: item.frame))
                    }
                },
                workers: workers, queueDepth: Self.queueDepth, meters: meters,
                isGivenUp: { [stop] in stop.isOverdue })
            try pipeline.run { item in
                let segmented = try follower.next(item.frame, item.features)
                for sink in sinks { try sink.consume(segmented) }
                frames += 1
                try progress(frames, item.frame.index)
            }
            return try AnnotationJob.Outcome(ending: sinks, of: reader, frames: frames, stop: stop)
        } catch {
            for sink in sinks { sink.abandon() }
            throw error
        }
    }
}

/// Masks that are given, at any size.
package struct GivenMasks: Sendable {
    /// Of the first frame.
    package let first: IndexMask
    /// By the index of a later frame in the source: from there the propagation begins anew.
    package let later: [Int: IndexMask]

    package init(first: IndexMask, later: [Int: IndexMask] = [:]) {
        self.first = first
        self.later = later
    }

    /// The background and all objects.
    package var classes: Int { 1 + ([first] + later.values).map(\.largestIndex).reduce(0, max) }
}

/// One worker's features of frames.
private final class FeatureExtractor {
    private let pass: ForwardPass
    private let input: PropagationInput

    init(_ engine: Engine, _ input: PropagationInput, threads: Int) throws {
        pass = try ForwardPass(engine: engine, threads: threads)
        self.input = input
    }

    /// The patch tokens after the final LayerNorm; an error that is the frame's says which.
    func features(of frame: VideoFrame) throws -> PatchFeatures {
        do {
            let result = try pass.run(
                input.patches(of: frame.image), ForwardRequest(attentionBlocks: [], wantsTokens: true))
            return PatchFeatures(
                result, of: pass.model.configuration, rows: input.rows, columns: input.columns)
        } catch let error as VitvideoError where error.kind == .badData && error.path == nil {
            throw VitvideoError(
                error.kind, reason: "\(pass.model.name), frame \(frame.index): \(error.reason)",
                nextStep: error.nextStep)
        }
    }
}

/// The labels of frames in order.
private struct Follower {
    private let input: PropagationInput
    private let settings: PropagationSettings
    private let masks: GivenMasks
    private let height: Int
    private let width: Int
    private let propagation: LabelPropagation
    private let decision: LabelDecision
    private var last: PatchFeatures?

    init(
        _ input: PropagationInput, _ settings: PropagationSettings, _ masks: GivenMasks,
        of configuration: Configuration, height: Int, width: Int, threads: Int
    ) throws {
        self.input = input
        self.settings = settings
        self.masks = masks
        self.height = height
        self.width = width
        propagation = try LabelPropagation(settings, threads: threads)
        decision = LabelDecision(
            settings.recipe, height: height, width: width, patchSize: configuration.patchSize,
            threads: threads)
    }

    /// - Parameter features: nil for a frame that repeats the one before.
    mutating func next(_ frame: VideoFrame, _ features: PatchFeatures?) throws -> SegmentedFrame {
        guard let features = features ?? last else {
            preconditionFailure("the first frame repeats none")
        }
        let given = last == nil ? masks.first : masks.later[frame.index]
        last = features
        if let given {
            let soft = SoftLabels(
                oneHot: given.resized(
                    height: input.rows, width: input.columns, settings.maskRule),
                classes: masks.classes)
            propagation.begin(with: features, labels: soft)
            return SegmentedFrame(
                frame: frame, isGiven: true, features: features, soft: soft,
                mask: given.resized(height: height, width: width, settings.maskRule))
        }
        let soft = try propagation.propagate(to: features)
        return SegmentedFrame(
            frame: frame, isGiven: false, features: features, soft: soft, mask: try decision(soft))
    }
}
