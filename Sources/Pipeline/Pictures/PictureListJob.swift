import Base
import Pixels
import VideoIO

/// Annotates pictures that have nothing to do with each other, of any sizes, each with outputs of its own.
package struct PictureListJob {
    package enum Outcome: Sendable, Equatable {
        case complete(PictureCounts)
        /// Stopped on request. The pictures' own outputs are whole; what is of all pictures lies under these names.
        case interrupted(PictureCounts, partialPaths: [String])

        package var counts: PictureCounts {
            switch self {
            case .complete(let counts), .interrupted(let counts, _): counts
            }
        }
    }

    private let paths: [String]
    private let analysis: Analysis
    private let workers: Int
    private let threadsPerPicture: Int
    private let isStrict: Bool
    private let check: @Sendable (RGBImage) throws -> Void
    private let shared: [any FrameOutput]
    private let makeOutputs: (VideoFrame) throws -> [any FrameSink]
    private let stop: StopRequest
    private let words: (NextStep) -> String?
    package let meters = StageMeters()

    /// - Parameters:
    ///   - workers: pictures under way at once.
    ///   - isStrict: whether a picture that cannot be used is an error, not left out.
    ///   - check: throws a `VitvideoError` for a picture that cannot be used.
    ///   - shared: outputs of all pictures, completed at the end; those that are sinks get each of them.
    ///   - makeOutputs: makes the outputs of one picture, a frame whose index is its place in the list. They are completed
    ///     at once.
    ///   - words: how to say what can be done about a picture that is left out.
    package init(
        paths: [String], analysis: Analysis, workers: Int, threadsPerPicture: Int, isStrict: Bool,
        check: @escaping @Sendable (RGBImage) throws -> Void, shared: [any FrameOutput],
        makeOutputs: @escaping (VideoFrame) throws -> [any FrameSink], stop: StopRequest,
        words: @escaping (NextStep) -> String?
    ) {
        self.paths = paths
        self.analysis = analysis
        self.workers = workers
        self.threadsPerPicture = threadsPerPicture
        self.isStrict = isStrict
        self.check = check
        self.shared = shared
        self.makeOutputs = makeOutputs
        self.stop = stop
        self.words = words
    }

    private enum Analyzed: Sendable {
        case frame(AnnotatedFrame)
        case unusable(VitvideoError)
    }

    /// - Parameter progress: called after each picture with the number of those done, left out or not.
    /// - Throws: the first error of any stage, and `VitvideoError` of kind `badData` where no picture could be used.
    ///   Outputs of pictures that are done stay; of what is of all pictures nothing is left.
    package func run(progress: (_ pictures: Int) -> Void) throws -> Outcome {
        do {
            let counts = try annotate(progress)
            guard stop.isRequested else {
                if let error = counts.nothingUsed { throw error }
                for output in shared { try output.finish() }
                return .complete(counts)
            }
            guard counts.used > 0 else {
                for output in shared { output.abandon() }
                return .interrupted(counts, partialPaths: [])
            }
            return .interrupted(counts, partialPaths: try shared.flatMap { try $0.finishPartial() })
        } catch {
            for output in shared { output.abandon() }
            throw error
        }
    }

    private func annotate(_ progress: (Int) -> Void) throws -> PictureCounts {
        let source = PictureSource(paths: paths, check: check)
        let pipeline = OrderedPipeline<SourcePicture, Analyzed>(
            source: { [stop] in stop.isRequested ? nil : source.next() },
            makeWorker: { [analysis, threadsPerPicture] in
                let analyzer = try FrameAnalyzer(analysis, inverse: nil, threads: threadsPerPicture)
                return { picture in
                    switch picture.content {
                    case .unusable(let error): .unusable(error)
                    case .picture(let image):
                        .frame(
                            try analyzer.analyze(
                                FrameInStep(
                                    frame: VideoFrame(image, at: picture.place), repeatsPrevious: false,
                                    recorded: [])))
                    }
                }
            },
            workers: workers, queueDepth: AnnotationJob.queueDepth, meters: meters,
            isGivenUp: { [stop] in stop.isOverdue })
        var counts = PictureCounts()
        try pipeline.run { analyzed in
            switch analyzed {
            case .unusable(let error):
                if isStrict { throw error }
                counts.skipped.append(error.line(words))
            case .frame(let frame):
                try write(frame)
                counts.used += 1
            }
            progress(counts.used + counts.skipped.count)
        }
        return counts
    }

    private func write(_ frame: AnnotatedFrame) throws {
        let own = try makeOutputs(frame.frame)
        do {
            for sink in own {
                try sink.consume(frame)
                try sink.finish()
            }
        } catch {
            for sink in own { sink.abandon() }
            throw error
        }
        for case let sink as any FrameSink in shared { try sink.consume(frame) }
    }
}
