import Base
import FoundationEssentials
import Pixels
import Probing
import ViT

extension Method {
    /// The first three principal components of the patch tokens, as colors.
    package static let features = Method(
        name: "features", summary: "the patches' first three principal components as colours",
        options: [
            MethodOptionUse(
                MethodOptions.featuresOf,
                "foreground: components of the foreground's patches alone (see --method foreground), the rest black",
                standard: "all patches")
        ],
        arrays: [ArrayDescription("features", ["rows", "cols", "3"])], maps: .color, reusesFrames: true,
        ofGraph: { try GraphFeatureMaps($0) }
    ) { request in
        let engine = try request.makeEngine()
        if let fitted = try request.savedState.map({ try JSONDecoder().decode(FittedFeatures.self, from: $0) }
        ) {
            return FeatureMaps(request.model, engine: engine, fitted: fitted)
        }
        return try FeatureMaps(
            request.model, engine: engine, region: request.settings[MethodOptions.featuresOf] ?? .all,
            threads: request.threads, availableBytes: request.availableBytes,
            fittedTo: request.forEachSample)
    }
}

/// Which patches components are of.
package enum FeatureRegion: String, Sendable, CaseIterable {
    case all, foreground
}

/// The basis of feature maps, and how many frames it was fitted to.
package struct FittedFeatures: Codable, Sendable, Equatable {
    package let basis: FeatureBasis
    package let frames: Int
    /// What tells the patches that the basis is of; nil where it is of all.
    package let foreground: ForegroundBasis?

    package init(basis: FeatureBasis, frames: Int, foreground: ForegroundBasis? = nil) {
        self.basis = basis
        self.frames = frames
        self.foreground = foreground
    }

    /// One map per component, `rows × columns`, of 0…1; 0 outside the foreground.
    ///
    /// - Parameter tokens: `tokens × D` after the final LayerNorm.
    func maps(tokens: [Float], rows: Int, columns: Int) -> [Plane] {
        let maps = basis.maps(tokens: tokens, rows: rows, columns: columns)
        guard let foreground else { return maps }
        let coordinates = foreground.coordinates(tokens: tokens, rows: rows, columns: columns)
        return maps.map { map in
            Plane(
                height: rows, width: columns,
                values: zip(map.values, coordinates.values).map { $1 > 0 ? $0 : 0 })
        }
    }
}

/// The first three principal components of the patch tokens, shown as red, green and blue. The basis is fitted
/// beforehand, so that colors hold through a clip.
package struct FeatureMaps: ReusingMapSource {
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
    ///   - region: the patches to fit to.
    ///   - threads: how many share a frame meanwhile.
    ///   - availableBytes: memory that may be taken; nil where unknown.
    ///   - forEachFrame: calls its argument with the pictures to fit to, one after the other.
    /// - Throws: `VitvideoError` of kind `badData` where there is no frame, of kind `usage` for frames that are too
    ///   large for memory; what the pass and `forEachFrame` throw.
    package init(
        _ probed: ProbedModel, engine: Engine, region: FeatureRegion = .all, threads: Int,
        availableBytes: Int?, fittedTo forEachFrame: @escaping ((RGBImage) throws -> Void) throws -> Void
    ) throws {
        self.probed = probed
        self.engine = engine
        let configuration = probed.configuration
        let samples = try SampledPasses(
            probed, engine: engine, threads: threads, availableBytes: availableBytes,
            forEachFrame: forEachFrame)
        let foreground = region == .foreground ? try samples.foreground() : nil
        var fitter = try FeatureBasisFitter(width: configuration.width)
        let frames = try samples.forEach(ForwardRequest(attentionBlocks: [], wantsTokens: true)) {
            result, input in
            if let foreground {
                fitter.add(
                    tokens: foreground.selected(result.tokens, rows: input.rows, columns: input.columns),
                    specialTokens: 0)
            } else {
                fitter.add(tokens: result.tokens, specialTokens: configuration.specialTokens)
            }
        }
        guard let basis = fitter.fit() else { throw SampledPasses.nothingToFit }
        fitted = FittedFeatures(basis: basis, frames: frames, foreground: foreground)
    }

    package var method: Method { .features }
    package func savedState() throws -> Data? { try JSONEncoder().encode(fitted) }
    package var summary: String {
        let share = Int((100 * basis.explained.reduce(0, +)).rounded())
        return
            "3 components with \(share) % of \(fitted.foreground == nil ? "the" : "the foreground's") variance, fitted on \(fittedFrames) frame\(fittedFrames == 1 ? "" : "s")"
    }
    package var arrays: [MapArray] { [MapArray("features", .interleaved(count: 3))] }
    package var partNames: [String] { (1...3).map { "component \($0)" } }
    package var fusedName: String { "features (principal components)" }

    package func describe(in provenance: inout Provenance) {
        // Share of the variance that each component explains.
        provenance["explained"] = .numbers(basis.explained)
        provenance["fitted_frames"] = .integer(fittedFrames)
        provenance["features_of"] = .text(
            (fitted.foreground == nil ? FeatureRegion.all : .foreground).rawValue)
    }

    package func makeExtractor(threads: Int, reuse: TokenReuse?) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads, reuse: reuse)
        let preprocessor = probed.preprocessor
        let request = probed.classifying(ForwardRequest(attentionBlocks: [], wantsTokens: true))
        return { [probed, fitted] image in
            let input = try preprocessor.patches(of: image)
            let result = try pass.run(input, request)
            let parts = fitted.maps(tokens: result.tokens, rows: input.rows, columns: input.columns)
            return FrameMaps(
                parts: parts, fused: HeadFusion.mean.fuse(parts), prediction: probed.prediction(result))
        }
    }
}
