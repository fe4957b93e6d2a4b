import Pixels
import Probing
import ViT

extension Method {
    /// The patches' vectors themselves, shown by their lengths.
    package static let tokens = Method(
        name: "tokens", title: "tokens", summary: "the patches' vectors as numbers, shown by their lengths",
        options: [.featureLayer, .feature],
        arrays: [
            ArrayDescription("tokens", ["rows", "cols", "D"]),
            ArrayDescription("class_token", ["D"], note: "where the model has one"),
        ], ofGraph: { try GraphTokenMaps($0) }
    ) { request in
        TokenMaps(
            request.model, engine: try request.makeEngine(), features: try request.features)
    }
}

extension MethodOptionUse {
    /// The options of methods that look at tokens' vectors.
    static let featureLayer = MethodOptionUse(
        MethodOptions.layer,
        "the block whose vectors are taken, negative from the end; what comes out of it is not normed",
        standard: "the tokens after the final LayerNorm; of queries, keys and values -1")
    static let feature = MethodOptionUse(
        MethodOptions.feature,
        "which vectors: token, what comes out of the block; query, key or value, of all heads side by side, as attention "
            + "multiplies them", standard: "token")
}

extension MethodRequest {
    /// Which vectors stand for the tokens.
    ///
    /// - Throws: `VitvideoError.noSuchBlock`.
    var features: TokenFeatures {
        get throws {
            TokenFeatures(
                settings[MethodOptions.feature] ?? .token,
                block: try settings[MethodOptions.layer].map { try model.model.block(at: $0) },
                of: model.configuration)
        }
    }
}

extension TokenFeatures {
    /// "keys of layer 11".
    var caption: String {
        let place = block.map { " of layer \($0)" } ?? ""
        return switch kind {
        case .token: "tokens" + place
        case .query: "queries" + place
        case .key: "keys" + place
        case .value: "values" + place
        }
    }

    func describe(in provenance: inout Provenance) {
        provenance["feature"] = .text(kind.rawValue)
        // The final LayerNorm's output has none.
        provenance["layer"] = block.map { .integer($0) }
    }
}

/// A vector a patch, and the class token's.
package struct TokenMaps: ForwardMapSource {
    package let probed: ProbedModel
    package let engine: Engine
    package let features: TokenFeatures

    /// - Parameter engine: of the probed model.
    package init(_ probed: ProbedModel, engine: Engine, features: TokenFeatures) {
        self.probed = probed
        self.engine = engine
        self.features = features
    }

    private var width: Int { probed.configuration.width }

    package var method: Method { .tokens }
    package var summary: String { fusedName }
    package var arrays: [MapArray] {
        [MapArray("tokens", .patchVectors(width: width))]
            + (probed.configuration.prefix.hasClassToken
                ? [MapArray("class_token", .classVector(width: width))] : [])
    }
    package var partNames: [String] { [] }
    package var fusedName: String { "length of \(features.caption)" }

    package func describe(in provenance: inout Provenance) { features.describe(in: &provenance) }

    package func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        let layout = try layout(height: height, width: width)
        try probed.reserveMemory(name, on: layout, workers: workers, from: &availableBytes) {
            // Vectors wait for their turn to be written.
            $0.forwardPass(engine.precision, workers: 1) + 4 * $0.residual
        }
    }

    package func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads)
        let preprocessor = probed.preprocessor
        let request = probed.classifying(ForwardRequest(attentionBlocks: []))
        return { [probed, features] image in
            let (vectors, result) = try features.run(pass, try preprocessor.patches(of: image), request)
            return FrameMaps(
                parts: [], fused: vectors.norms(),
                vectors: FrameVectors(
                    patches: Array(vectors.patches),
                    classToken: probed.configuration.prefix.hasClassToken ? Array(vectors[0]) : []),
                prediction: probed.prediction(result))
        }
    }
}
