import Pixels
import Probing
import Rendering
import ViT

/// A way to get maps from a picture: one model looked at by one method.
///
/// A new method is a new type of this protocol in a file of its own; views, statistics and export take whatever
/// maps it gives. Sources are shared by the workers and immutable; what a worker needs for itself (scratch
/// memory, a forward pass) belongs to the function it makes.
package protocol MapSource: Sendable {
    /// The model looked at; its name identifies the source among those of a job.
    var probed: ProbedModel { get }
    var method: ProbingMethod { get }
    /// What the maps are computed with: "oneDNN 2.6.3, bf16".
    var computation: String { get }
    /// Why that is not the best there could be; nil where nothing stands in the way.
    var notice: String? { get }
    /// Which maps these are, in words: "layer 11".
    var summary: String { get }
    /// What an export holds of each frame.
    var arrays: [MapArray] { get }
    /// What the single maps of a frame are, in order: "head 0", "head 1", … Empty where there is only the
    /// fused one.
    var partNames: [String] { get }
    /// The caption of the map that stands for the whole: "mean". Not shown where the method does not give one.
    var fusedName: String { get }
    /// The token whose attention is shown, to be marked where it is a patch.
    var query: Query { get }
    /// Whether each frame's maps are for a class of their own.
    var followsClass: Bool { get }

    /// Adds the method's options to how maps come about.
    func describe(in provenance: inout MapProvenance)

    /// Checks that frames of this size can be looked at, before the first one is.
    ///
    /// - Parameters:
    ///   - workers: how many frames are under way at once.
    ///   - availableBytes: memory that may be taken; what the source needs is subtracted. Nil where unknown.
    /// - Throws: `VitvideoError` and `PipelineError` of kind `usage`.
    func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws

    /// Makes one worker's function from a frame to its maps. Called on the worker's thread, which alone calls
    /// the function.
    ///
    /// - Parameter threads: how many threads share a frame, the worker's included.
    /// - Throws: what keeps the method from running at all, such as `VitvideoError.mathLibraryMissing`.
    func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps
}

extension MapSource {
    package var name: String { probed.name }
    package var query: Query { .classToken }
    package var followsClass: Bool { false }

    /// How many classes the frames' logits have; 0 where the source does not classify.
    package var classes: Int { probed.classification?.classifier.classes ?? 0 }

    /// Where the maps' cells lie on frames of this size, in pixels.
    ///
    /// - Throws: `VitvideoError.inputTooSmall`.
    package func layout(height: Int, width: Int) throws -> InputLayout {
        try probed.preprocessor.layout(height: height, width: width)
    }

    package func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        let layout = try layout(height: height, width: width)
        try query.check(on: layout, height: height, width: width, model: name)
    }

    /// How the maps of frames of this size come about, for whoever reads an export.
    ///
    /// - Throws: `VitvideoError.inputTooSmall`.
    package func provenance(sourceHeight: Int, sourceWidth: Int) throws -> MapProvenance {
        var provenance = MapProvenance(
            probed.model, method: method, layout: try layout(height: sourceHeight, width: sourceWidth),
            sourceHeight: sourceHeight, sourceWidth: sourceWidth)
        describe(in: &provenance)
        return provenance
    }
}

/// A source whose maps come of a forward pass.
package protocol ForwardMapSource: MapSource {
    /// Of the probed model.
    var engine: Engine { get }
}

extension ForwardMapSource {
    package func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        let layout = try layout(height: height, width: width)
        try query.check(on: layout, height: height, width: width, model: name)
        try probed.reserveMemory(
            precision: engine.precision, on: layout, workers: workers, from: &availableBytes)
    }

    package var computation: String { engine.description }
    package var notice: String? { engine.notice }
}

/// The maps of one frame from one source.
package struct FrameMaps: Sendable {
    /// Raw maps, as many as the source has `partNames`, `rows × columns` each.
    package let parts: [Plane]
    /// The raw map that stands for the whole, `rows × columns`: what statistics are made of, and what the views
    /// of one map show where the method gives one. Otherwise the mean of the single maps.
    package let fused: Plane
    /// What the classifier takes the frame for; nil without one.
    package let prediction: FramePrediction?
    /// The class that the maps are for; nil where they are for none.
    package let targetClass: TargetClass?

    package init(
        parts: [Plane], fused: Plane, prediction: FramePrediction? = nil, targetClass: TargetClass? = nil
    ) {
        self.parts = parts
        self.fused = fused
        self.prediction = prediction
        self.targetClass = targetClass
    }

    /// What is written on the picture.
    var shownLines: [String] {
        (targetClass.map { ["for \($0.name)"] } ?? []) + (prediction?.shownLines ?? [])
    }
}

/// A class that maps are for.
package struct TargetClass: Sendable, Equatable {
    package let index: Int
    package let name: String

    package init(index: Int, name: String) {
        self.index = index
        self.name = name
    }
}
