import FoundationEssentials
import Pixels
import ViT

/// A way to get maps from a picture: one model looked at by one method.
///
/// Views, statistics and export take whatever maps it gives. Sources are shared by the workers and immutable; what a
/// worker needs for itself (scratch memory, a forward pass) belongs to the function it makes.
package protocol MapSource: Sendable {
    /// The model looked at; its name identifies the source among those of a job.
    var subject: any ProbedSubject { get }
    var method: Method { get }
    /// What the maps are computed with: "oneDNN 2.6.3 (AVX2), fp32".
    var computation: String { get }
    /// The number format of the matrix products.
    var precision: Precision { get }
    /// Why that is not the best there could be; nil where nothing stands in the way.
    var notice: String? { get }
    /// Which maps these are, in words: "layer 11".
    var summary: String { get }
    /// What an export holds of each frame, as the method's `arrays` describe it.
    var arrays: [MapArray] { get }
    /// What the single maps of a frame are, in order: "head 0", "head 1", … Empty where there is only the
    /// fused one.
    var partNames: [String] { get }
    /// The caption of the map that stands for the whole: "mean". Not shown where the method does not give one.
    var fusedName: String { get }
    /// Whether the grid of single maps shows that one too.
    var showsFused: Bool { get }
    /// Whose attention is shown, to be marked where it is a patch.
    var query: Query { get }

    /// What the source found out before the first frame and a resumed job goes on with; nil where there is nothing.
    ///
    /// - Throws: what encoding it throws.
    func savedState() throws -> Data?

    /// Where the maps' cells lie on frames of this size, in pixels.
    ///
    /// - Throws: `VitvideoError` of kind `usage` where they hold no whole patch.
    func layout(height: Int, width: Int) throws -> InputLayout

    /// Where the cells lie that a query may name; those of the maps, unless patches of another grid look at them.
    ///
    /// - Throws: as `layout`.
    func queryLayout(height: Int, width: Int) throws -> InputLayout

    /// Adds the method's options to how maps come about.
    func describe(in provenance: inout Provenance)

    /// Checks that frames of this size can be looked at, before the first one is.
    ///
    /// - Parameters:
    ///   - workers: how many frames are under way at once.
    ///   - availableBytes: memory that may be taken; what the source needs is subtracted. Nil where unknown.
    /// - Throws: `VitvideoError` of kind `usage` for frames without a whole patch, a query outside of them, and work
    ///   that does not fit into memory.
    func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws

    /// Makes one worker's function from a frame to its maps. Called on the worker's thread, which alone calls
    /// the function.
    ///
    /// - Parameter threads: how many threads share a frame, the worker's included.
    /// - Throws: what keeps the method from running at all, such as a missing library.
    func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps
}

extension MapSource {
    package var name: String { subject.name }
    package var query: Query { .classToken }
    package func queryLayout(height: Int, width: Int) throws -> InputLayout {
        try layout(height: height, width: width)
    }
    package var showsFused: Bool { method.givesOneMap }
    package var precision: Precision { .float32 }
    package func savedState() throws -> Data? { nil }

    /// Whether each frame's maps are for a class of their own.
    package var followsClass: Bool { method.arrays.contains { $0.element == .int64 } }

    /// How many classes the frames' logits have; 0 where the source does not classify.
    package var classes: Int { subject.classes }

    /// How the maps of frames of this size come about, for whoever reads an export.
    ///
    /// - Parameter version: of the tool that writes it.
    /// - Throws: `VitvideoError` of kind `usage` where they hold no whole patch.
    package func provenance(sourceHeight: Int, sourceWidth: Int, version: String) throws -> Provenance {
        var provenance = provenance(version: version)
        let layout = try layout(height: sourceHeight, width: sourceWidth)
        let input = try subject.inputSize(height: sourceHeight, width: sourceWidth)
        provenance.add(inputHeight: input.height, inputWidth: input.width)
        provenance["source_height"] = .integer(sourceHeight)
        provenance["source_width"] = .integer(sourceWidth)
        // The size of a patch in pixels of the source.
        provenance["cell_height"] = .number(layout.cellHeight)
        provenance["cell_width"] = .number(layout.cellWidth)
        return provenance
    }

    /// The same of frames of whatever size.
    package func provenance(version: String) -> Provenance {
        var provenance = subject.provenance(precision: precision, version: version)
        provenance["method"] = .text(method.name)
        describe(in: &provenance)
        return provenance
    }
}

/// A source that looks at a plain Vision Transformer.
package protocol PlainMapSource: MapSource {
    var probed: ProbedModel { get }
}

extension PlainMapSource {
    package var subject: any ProbedSubject { probed }

    package func layout(height: Int, width: Int) throws -> InputLayout {
        try probed.preprocessor.layout(height: height, width: width)
    }

    package func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        let layout = try layout(height: height, width: width)
        try query.check(on: layout, height: height, width: width, model: name)
    }
}

/// A source whose maps come of a forward pass.
package protocol ForwardMapSource: PlainMapSource {
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
    package var precision: Precision { engine.precision }
    package var notice: String? { engine.notice }
}

/// A source whose passes can take over from one frame to the next what has hardly changed.
package protocol ReusingMapSource: ForwardMapSource {
    /// As `makeExtractor(threads:)`, for frames one after the other.
    ///
    /// - Parameter reuse: what the function's pass keeps between frames; nil for nothing.
    func makeExtractor(threads: Int, reuse: TokenReuse?) throws -> (RGBImage) throws -> FrameMaps
}

extension ReusingMapSource {
    package func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        try makeExtractor(threads: threads, reuse: nil)
    }

    /// Takes what reusing keeps between frames of this size off the memory there is.
    ///
    /// - Throws: `VitvideoError` of kind `usage` where it does not fit.
    package func prepareReuse(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        let precision = engine.precision
        try probed.reserveMemory(
            "\(name) with what it keeps between frames", on: try layout(height: height, width: width),
            workers: workers,
            from: &availableBytes
        ) { $0.reuse(precision) }
    }
}
