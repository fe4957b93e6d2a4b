import Methods
import Pixels
import Rendering
import VideoIO

/// Decodes, analyzes and hands on the frames of one clip.
package struct AnnotationJob {
    package enum Outcome: Sendable, Equatable {
        case complete(frames: Int)
        /// Stopped on request; the outputs so far are playable under these names.
        case interrupted(frames: Int, partialPaths: [String])

        package var frames: Int {
            switch self {
            case .complete(let frames), .interrupted(let frames, _): frames
            }
        }
    }

    /// Frames that wait between two stages.
    static let queueDepth = 2

    /// How many decoded frames exist at once at most: one being decoded, those that wait, one a worker, those
    /// whose turn to be written has not come, and one being drawn.
    ///
    /// - Parameter reuses: whether frames take over from one another.
    package static func mostFramesUnderWay(workers: Int, reuses: Bool = false) -> Int {
        let depth = queueDepth(workers: workers, reuses: reuses)
        return 2 * (workers + (reuses ? workers : 1) * depth) + 2
    }

    /// Frames that wait for a worker: where workers take whole stretches, as many as one has, so that the others get theirs.
    private static func queueDepth(workers: Int, reuses: Bool) -> Int {
        reuses && workers > 1 ? Stretches.length : queueDepth
    }

    let reader: VideoReader
    let leadingFrames: [VideoFrame]
    let recordings: [Recording]
    let analysis: Analysis
    let workers: Int
    let threadsPerFrame: Int
    let sinks: [any FrameSink]
    let stop: StopRequest
    /// Frames to take from the reader; nil for all.
    let frameLimit: Int?
    /// Frames after which one takes over nothing; nil where there are no such places.
    let segmentFrames: Int?
    /// Gives the next frame's maps instead of the sources, to one worker.
    let keptMaps: (@Sendable () throws -> [FrameMaps])?
    package let meters: StageMeters

    /// - Parameters:
    ///   - leadingFrames: frames that the reader has given away already, to begin with.
    ///   - recordings: videos that go along with the clip, read in step with it.
    ///   - workers: inference threads, each with a frame of its own.
    ///   - threadsPerFrame: threads that share a frame, the worker's included.
    ///   - meters: where the time is added up.
    package init(
        reader: VideoReader, leadingFrames: [VideoFrame] = [], recordings: [Recording] = [],
        analysis: Analysis, workers: Int,
        threadsPerFrame: Int = 1,
        sinks: [any FrameSink], stop: StopRequest, meters: StageMeters = StageMeters()
    ) {
        self.init(
            reader: reader, leadingFrames: leadingFrames, recordings: recordings, analysis: analysis,
            workers: workers, threadsPerFrame: threadsPerFrame, sinks: sinks, stop: stop, frameLimit: nil,
            segmentFrames: nil, keptMaps: nil, meters: meters)
    }

    /// - Parameters:
    ///   - frameLimit: frames to take from the reader; nil for all.
    ///   - segmentFrames: frames after which one takes over nothing from the one before; nil where there are no such places.
    ///   - keptMaps: gives the next frame's maps instead of the sources; nil to compute them.
    init(
        reader: VideoReader, leadingFrames: [VideoFrame], recordings: [Recording], analysis: Analysis,
        workers: Int, threadsPerFrame: Int, sinks: [any FrameSink], stop: StopRequest, frameLimit: Int?,
        segmentFrames: Int?, keptMaps: (@Sendable () throws -> [FrameMaps])?, meters: StageMeters
    ) {
        self.reader = reader
        self.leadingFrames = leadingFrames
        self.recordings = recordings
        self.analysis = analysis
        self.workers = workers
        self.threadsPerFrame = threadsPerFrame
        self.sinks = sinks
        self.stop = stop
        self.frameLimit = frameLimit
        self.segmentFrames = segmentFrames
        self.keptMaps = keptMaps
        self.meters = meters
    }

    /// - Parameter progress: called after each frame has reached the sinks, with the number of frames done
    ///   and the frame's index in the source.
    /// - Throws: the first error of any stage, after removing the unfinished outputs.
    package func run(progress: (_ frames: Int, _ index: Int) throws -> Void) throws -> Outcome {
        var frames = 0
        do {
            // The published heatmaps, and this tool's unless told otherwise, are in inferno.
            let inverse =
                recordings.isEmpty || analysis.recordingGrid == nil ? nil : ColorMapInverse(.inferno)
            let reuses = keptMaps == nil && !analysis.reusingSources.isEmpty
            let input = FramesInStep(
                reader: reader, leading: leadingFrames, recordings: recordings, limit: frameLimit,
                stretches: reuses ? Stretches(segmentFrames: segmentFrames) : nil)
            let pipeline = OrderedPipeline<FrameInStep, AnnotatedFrame>(
                source: { [stop] in stop.isRequested ? nil : try input.next() },
                makeWorker: { [analysis, threadsPerFrame, keptMaps] in
                    try FrameAnalyzer(
                        analysis, inverse: inverse, threads: threadsPerFrame, keptMaps: keptMaps
                    ).analyze
                },
                workers: workers, queueDepth: Self.queueDepth(workers: workers, reuses: reuses),
                lane: reuses ? \.stretch : nil, meters: meters,
                isGivenUp: { [stop] in stop.isOverdue })
            var last: (maps: [FrameMaps], masks: [Plane]) = ([], [])
            try pipeline.run { analyzed in
                var frame = analyzed
                frame.repeatFindings(&last)
                for sink in sinks { try sink.consume(frame) }
                frames += 1
                try progress(frames, frame.frame.index)
            }
            return try Outcome(ending: sinks, of: reader, frames: frames, stop: stop)
        } catch {
            for sink in sinks { sink.abandon() }
            throw error
        }
    }
}

extension AnnotationJob.Outcome {
    /// Ends the outputs after the last frame: completes them, or what there is of them where the run was interrupted.
    ///
    /// - Parameters:
    ///   - reader: that the frames came from.
    ///   - frames: how many the outputs have had.
    /// - Throws: what the reader and the outputs throw.
    init(
        ending outputs: [any FrameOutput], of reader: VideoReader, frames: Int, stop: StopRequest
    ) throws {
        guard stop.isRequested else {
            try reader.readTrailingAudio()
            for output in outputs { try output.finish() }
            self = .complete(frames: frames)
            return
        }
        if frames == 0 {
            for output in outputs { output.abandon() }
            self = .interrupted(frames: 0, partialPaths: [])
        } else {
            self = .interrupted(
                frames: frames, partialPaths: try outputs.flatMap { try $0.finishPartial() })
        }
    }
}
