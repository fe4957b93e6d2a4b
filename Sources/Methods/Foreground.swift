import FoundationEssentials
import Pixels
import Probing
import ViT

extension Method {
    /// The object's patches.
    package static let foreground = Method(
        name: "foreground", summary: "the object's patches, by the first principal component",
        arrays: [
            ArrayDescription("foreground", ["rows", "cols"], note: "0 or 1"),
            ArrayDescription("foreground_component", ["rows", "cols"], note: "above 0 in the foreground"),
        ], masks: .map
    ) { request in
        let engine = try request.makeEngine()
        if let saved = request.savedState {
            return ForegroundMaps(
                request.model, engine: engine,
                basis: try JSONDecoder().decode(ForegroundBasis.self, from: saved))
        }
        let samples = try SampledPasses(
            request.model, engine: engine, threads: request.threads, availableBytes: request.availableBytes,
            forEachFrame: request.forEachSample)
        return ForegroundMaps(request.model, engine: engine, basis: try samples.foreground())
    }
}

/// The patches whose tokens lie on the object's side of the mean along the clip's first principal component
/// (`ForegroundBasis`).
package struct ForegroundMaps: ForwardMapSource {
    package let probed: ProbedModel
    package let engine: Engine
    package let basis: ForegroundBasis

    /// - Parameters:
    ///   - engine: of the probed model.
    ///   - basis: fitted to the same model.
    package init(_ probed: ProbedModel, engine: Engine, basis: ForegroundBasis) {
        self.probed = probed
        self.engine = engine
        self.basis = basis
    }

    package var method: Method { .foreground }
    package func savedState() throws -> Data? { try JSONEncoder().encode(basis) }
    package var summary: String {
        "foreground by a component with \(Int((100 * basis.basis.explained.reduce(0, +)).rounded())) % of the variance"
    }
    package var arrays: [MapArray] {
        [MapArray("foreground", .fused), MapArray("foreground_component", .part(0))]
    }
    package var partNames: [String] { ["component"] }
    package var fusedName: String { "foreground" }

    package func describe(in provenance: inout Provenance) {
        provenance["explained"] = .numbers(basis.basis.explained)
    }

    package func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads)
        let preprocessor = probed.preprocessor
        let request = probed.classifying(ForwardRequest(attentionBlocks: [], wantsTokens: true))
        return { [probed, basis] image in
            let input = try preprocessor.patches(of: image)
            let result = try pass.run(input, request)
            let component = basis.coordinates(
                tokens: result.tokens, rows: input.rows, columns: input.columns)
            return FrameMaps(
                parts: [component], fused: ForegroundBasis.mask(of: component),
                prediction: probed.prediction(result))
        }
    }
}
