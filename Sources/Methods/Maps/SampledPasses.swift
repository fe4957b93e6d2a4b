import Base
import Pixels
import Probing
import ViT

/// Forward passes over some of a clip's frames, before the run: what methods fit to.
struct SampledPasses {
    private let probed: ProbedModel
    private let precision: Precision
    private let pass: ForwardPass
    private let availableBytes: Int?
    private let forEachFrame: ((RGBImage) throws -> Void) throws -> Void

    /// - Parameters:
    ///   - engine: of the probed model.
    ///   - threads: how many share a frame.
    ///   - availableBytes: memory that may be taken; nil where unknown.
    ///   - forEachFrame: calls its argument with the pictures, the same ones at every call.
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    init(
        _ probed: ProbedModel, engine: Engine, threads: Int, availableBytes: Int?,
        forEachFrame: @escaping ((RGBImage) throws -> Void) throws -> Void
    ) throws {
        self.probed = probed
        precision = engine.precision
        pass = try ForwardPass(engine: engine, threads: threads)
        self.availableBytes = availableBytes
        self.forEachFrame = forEachFrame
    }

    /// - Returns: how many frames there are.
    /// - Throws: `VitvideoError` of kind `usage` for frames that are too large for memory; what the pass, the frames and
    ///   the body throw.
    func forEach(
        _ request: ForwardRequest, _ body: (ForwardResult, PatchMatrix) throws -> Void
    ) throws -> Int {
        var frames = 0
        try forEachFrame { image in
            // Before the run is prepared: this is the first pass there is.
            var availableBytes = availableBytes
            try probed.reserveMemory(
                precision: precision, on: try probed.layout(of: image), workers: 1, from: &availableBytes)
            let input = try probed.preprocessor.patches(of: image)
            try body(try pass.run(input, request), input)
            frames += 1
        }
        return frames
    }

    /// What tells the object's patches from the rest.
    ///
    /// - Throws: as `forEach`, and `nothingToFit`.
    func foreground() throws -> ForegroundBasis {
        var fitter = try ForegroundFitter(width: probed.configuration.width)
        _ = try forEach(ForegroundFitter.request(of: probed.configuration)) { result, input in
            fitter.add(result, rows: input.rows, columns: input.columns)
        }
        guard let basis = fitter.fit() else { throw Self.nothingToFit }
        return basis
    }

    static var nothingToFit: VitvideoError {
        VitvideoError(.badData, reason: "there is no frame to find the principal components of")
    }
}
