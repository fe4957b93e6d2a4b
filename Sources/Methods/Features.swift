import Base
import Foundation
import Pixels
import Probing
import ViT

extension Method {
    /// The first three principal components of the patch tokens, as colors.
    package static let features = Method(
        name: "features", summary: "the patches' first three principal components as colours",
        arrays: [ArrayDescription("features", ["rows", "cols", "3"])], maps: .color
    ) { request in
        let engine = try request.makeEngine()
        if let fitted = try request.savedState.map({ try JSONDecoder().decode(FittedFeatures.self, from: $0) }
        ) {
            return FeatureMaps(request.model, engine: engine, fitted: fitted)
        }
        return try FeatureMaps(
            request.model, engine: engine, threads: request.threads, availableBytes: request.availableBytes,
            fittedTo: request.forEachSample)
    }
}

/// The basis of feature maps, and how many frames it was fitted to.
package struct FittedFeatures: Codable, Sendable, Equatable {
    package let basis: FeatureBasis
    package let frames: Int

    package init(basis: FeatureBasis, frames: Int) {
        self.basis = basis
        self.frames = frames
    }
}

/// The first three principal components of the patch tokens, shown as red, green and blue. The basis is fitted
/// beforehand, so that colors hold through a clip.
package struct FeatureMaps: ForwardMapSource {
    package let probed: ProbedModel
    package let engine: Engine
    package let fitted: FittedFeatures
    package var basis: FeatureBasis { fitted.basis }
    /// How many frames the basis was fitted on.
    package var fittedFrames: Int { fitted.frames }

    /// Goes on with a basis that has been fitted before.
    ///
    /// - Parameter fitted: to the same model.
    package init(_ probed: ProbedModel, engine: Engine, fitted: FittedFeatures) {
        self.probed = probed
        self.engine = engine
        self.fitted = fitted
    }

    /// Fits the basis to sampled frames.
    ///
    /// - Parameters:
    ///   - engine: of the probed model.
    ///   - threads: how many share a frame meanwhile.
    ///   - availableBytes: memory that may be taken; nil where unknown.
    ///   - forEachFrame: calls its argument with the pictures to fit to, one after the other.
    /// - Throws: `VitvideoError` of kind `badData` where there is no frame, of kind `usage` for frames that are too
    ///   large for memory; what the pass and `forEachFrame` throw.
    package init(
        _ probed: ProbedModel, engine: Engine, threads: Int, availableBytes: Int?,
        fittedTo forEachFrame: ((RGBImage) throws -> Void) throws -> Void
    ) throws {
        self.probed = probed
        self.engine = engine
        let configuration = probed.configuration
        let pass = try ForwardPass(engine: engine, threads: threads)
        var fitter = try FeatureBasisFitter(width: configuration.width)
        var frames = 0
        try forEachFrame { image in
            // Before the run is prepared: this is the first pass there is.
            var availableBytes = availableBytes
            try probed.reserveMemory(
                precision: engine.precision, on: try probed.layout(of: image), workers: 1,
                from: &availableBytes)
            let result = try pass.run(
                try probed.preprocessor.patches(of: image),
                ForwardRequest(attentionBlocks: [], wantsTokens: true))
            fitter.add(tokens: result.tokens, specialTokens: configuration.specialTokens)
            frames += 1
        }
        guard let basis = fitter.fit() else {
            throw VitvideoError(.badData, reason: "there is no frame to find the principal components of")
        }
        fitted = FittedFeatures(basis: basis, frames: frames)
    }

    package var method: Method { .features }
    package func savedState() throws -> Data? { try JSONEncoder().encode(fitted) }
    package var summary: String {
        let share = Int((100 * basis.explained.reduce(0, +)).rounded())
        return
            "3 components with \(share) % of the variance, fitted on \(fittedFrames) frame\(fittedFrames == 1 ? "" : "s")"
    }
    package var arrays: [MapArray] { [MapArray("features", .interleaved(count: 3))] }
    package var partNames: [String] { (1...3).map { "component \($0)" } }
    package var fusedName: String { "features (principal components)" }

    package func describe(in provenance: inout Provenance) {
        // Share of the variance that each component explains.
        provenance["explained"] = .numbers(basis.explained)
        provenance["fitted_frames"] = .integer(fittedFrames)
    }

    package func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads)
        let preprocessor = probed.preprocessor
        let request = probed.classifying(ForwardRequest(attentionBlocks: [], wantsTokens: true))
        return { [probed, basis] image in
            let input = try preprocessor.patches(of: image)
            let result = try pass.run(input, request)
            let parts = basis.maps(tokens: result.tokens, rows: input.rows, columns: input.columns)
            return FrameMaps(
                parts: parts, fused: HeadFusion.mean.fuse(parts), prediction: probed.prediction(result))
        }
    }
}
