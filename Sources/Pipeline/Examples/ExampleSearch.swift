import Base
import Methods
import Pixels
import Probing
import Rendering
import ViT

/// A frame that excites a neuron, and where in it the neuron fires.
package struct NeuronExample: Sendable {
    package let score: ExampleScore
    /// The frame, not larger than `ExampleSearch.pictureSide`.
    package let picture: RGBImage
    /// The neuron's values after the activation, `rows × columns`.
    package let map: Plane
    /// Where the map lies on the picture.
    package let placement: MapPlacement
}

/// Looks through videos and pictures for the frames that excite neurons. Files are read twice: once for the scores, of
/// which four bytes a neuron and frame are kept, and once for the frames that were chosen.
package struct ExampleSearch: Sendable {
    /// The longer side of an example's picture at most, in pixels.
    package static let pictureSide = 480

    private let probed: ProbedModel
    private let engine: Engine
    let paths: [String]
    private let workers: Int
    private let threadsPerFrame: Int
    private let availableBytes: Int?
    private let allowsHugeFrames: Bool
    private let stop: StopRequest
    private let onSkip: @Sendable (any Error) -> Void

    /// - Parameters:
    ///   - engine: of the probed model.
    ///   - paths: of videos and pictures that can be read twice.
    ///   - workers: frames under way at once.
    ///   - availableBytes: memory that frames under way may take; nil where unknown.
    ///   - allowsHugeFrames: whether frames of more patches than `HugeFrame.limit` are looked at, not left out.
    ///   - onSkip: called once with what is wrong with each file that is left out, wholly or from a place on.
    package init(
        _ probed: ProbedModel, engine: Engine, paths: [String], workers: Int, threadsPerFrame: Int,
        availableBytes: Int?, allowsHugeFrames: Bool, stop: StopRequest,
        onSkip: @escaping @Sendable (any Error) -> Void
    ) {
        self.probed = probed
        self.engine = engine
        self.paths = paths
        self.workers = workers
        self.threadsPerFrame = threadsPerFrame
        self.availableBytes = availableBytes
        self.allowsHugeFrames = allowsHugeFrames
        self.stop = stop
        self.onSkip = onSkip
    }

    /// What captions call the files.
    var names: [String] { paths.map { FileName.shown($0.lastPathPart) } }

    /// Whether the search was stopped on request. What was found until then counts.
    var isStopped: Bool { stop.isRequested }

    // MARK: Scores

    /// Of each neuron the score of every frame, in order.
    ///
    /// - Parameter progress: called after each frame with the number of those done.
    /// - Throws: `VitvideoError` of kind `badData` where no frame can be read, and what the pass throws.
    package func scores(
        of neurons: [NeuronAddress], progress: (Int) -> Void
    ) throws -> [[ExampleScore]] {
        var request = ForwardRequest(attentionBlocks: [])
        request.neurons = neurons
        var scores: [[ExampleScore]] = neurons.map { _ in [] }
        try forEachResult(request, progress) { place, result in
            for (index, values) in result.neurons.enumerated() {
                let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
                scores[index].append(ExampleScore(place: place, score: Float(mean)))
            }
        }
        return scores
    }

    /// How selectively the neurons of a block fire over all frames, and where the frames are that the selectivity
    /// counts.
    ///
    /// - Throws: as `scores`.
    package func selectivity(
        ofBlock block: Int, progress: (Int) -> Void
    ) throws -> (selectivity: NeuronSelectivity, places: [ExamplePlace]) {
        var request = ForwardRequest(attentionBlocks: [])
        request.neuronMomentBlocks = [block]
        var selectivity = NeuronSelectivity(
            neurons: probed.configuration.feedForwardWidth, examples: 1)
        var places: [ExamplePlace] = []
        try forEachResult(request, progress) { place, result in
            selectivity.add(result.neuronMoments[block]?.mean ?? [])
            places.append(place)
        }
        return (selectivity, places)
    }

    private func forEachResult(
        _ request: ForwardRequest, _ progress: (Int) -> Void, _ body: (ExamplePlace, ForwardResult) -> Void
    ) throws {
        var done = 0
        try run(ExampleFrames(paths, check: checkSize, onSkip: onSkip), request, stops: true) {
            frame, result in
            body(frame.place, result)
            done += 1
            progress(done)
        }
        if done == 0, !stop.isRequested {
            throw VitvideoError(
                .badData, reason: "not one frame of the files could be used")
        }
    }

    /// - Throws: `VitvideoError` for a frame without a whole patch, of far too many unless they are allowed, or of more
    ///   than fit into memory.
    @Sendable private func checkSize(of image: RGBImage) throws {
        let huge = try HugeFrame(of: probed, height: image.height, width: image.width)
        if let huge, !allowsHugeFrames { throw huge.refusal }
        var bytes = availableBytes
        try probed.reserveMemory(
            precision: engine.precision, on: try probed.layout(of: image), workers: workers, from: &bytes)
    }

    private func run(
        _ frames: ExampleFrames, _ request: ForwardRequest, stops: Bool,
        sink: (ExampleFrames.Frame, ForwardResult) throws -> Void
    ) throws {
        let (engine, threads) = (engine, threadsPerFrame)
        let (preprocessor, paths) = (probed.preprocessor, paths)
        let pipeline = OrderedPipeline<ExampleFrames.Frame, (ExampleFrames.Frame, ForwardResult)>(
            source: { [stop] in stops && stop.isRequested ? nil : frames.next() },
            makeWorker: {
                let pass = try ForwardPass(engine: engine, threads: threads)
                return { frame in
                    try locating("use", paths[frame.place.file]) {
                        (frame, try pass.run(try preprocessor.patches(of: frame.image), request))
                    }
                }
            }, workers: workers, queueDepth: 2, meters: StageMeters(),
            isGivenUp: { [stop] in stops && stop.isOverdue })
        try pipeline.run { try sink($0.0, $0.1) }
    }

    // MARK: Examples

    /// The frames that were chosen, with the neurons' maps on them.
    ///
    /// - Parameter chosen: of each neuron, best first.
    /// - Returns: as many and in the same order; fewer where a file has changed.
    /// - Throws: as `scores`.
    package func examples(
        of neurons: [NeuronAddress], at chosen: [[ExampleScore]]
    ) throws -> [[NeuronExample]] {
        let wanted = Set(chosen.flatMap { $0.map(\.place) })
        var request = ForwardRequest(attentionBlocks: [])
        request.neurons = neurons
        var found: [[ExamplePlace: NeuronExample]] = neurons.map { _ in [:] }
        // What is left out has been told the first time. A search that was stopped still shows what it has found.
        try run(
            ExampleFrames(paths, only: wanted, check: checkSize, onSkip: { _ in }), request, stops: false
        ) { frame, result in
            let layout = try probed.layout(of: frame.image)
            let picture = Resizer.shrunk(
                frame.image, length: max(frame.image.height, frame.image.width),
                to: ExampleSearch.pictureSide)
            let placement = layout.placement.scaled(
                vertically: Double(picture.height) / Double(frame.image.height),
                horizontally: Double(picture.width) / Double(frame.image.width))
            for (index, values) in result.neurons.enumerated() {
                guard let score = chosen[index].first(where: { $0.place == frame.place }) else { continue }
                found[index][frame.place] = NeuronExample(
                    score: score, picture: picture,
                    map: Plane(height: layout.rows, width: layout.columns, values: values),
                    placement: placement)
            }
        }
        return zip(chosen, found).map { scores, found in scores.compactMap { found[$0.place] } }
    }
}
