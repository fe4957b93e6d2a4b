import Base
import FoundationEssentials
import Pixels
import Probing
import ViT

extension Method {
    /// Which patches resemble one.
    package static let similarity = Method(
        name: "similarity", title: "similarity",
        summary: "which patches resemble one, by the cosine of their vectors",
        options: [
            MethodOptionUse(
                MethodOptions.query,
                "what is compared with every patch. ROW,COL, a patch of the grid; Xpx,Ypx, the patch under a pixel; or "
                    + "cls, the class token"),
            MethodOptionUse(
                MethodOptions.queryFrame,
                "the frame that the query is in, counted from 0; it is followed through the clip",
                standard: "each frame has its own"),
            MethodOptionUse(MethodOptions.queryImage, "another picture that the query is in, likewise"),
            .featureLayer, .feature,
        ],
        arrays: [ArrayDescription("similarity", ["rows", "cols"], note: "−1 to 1")], reusesFrames: true,
        ofGraph: { try GraphSimilarityMaps($0, query: $0.settings.comparedQuery) },
        validate: { settings in
            _ = try settings.comparedQuery
            if settings.isGiven(MethodOptions.queryFrame), settings.isGiven(MethodOptions.queryImage) {
                throw VitvideoError(
                    .usage, reason: "the query is in one picture",
                    nextStep: .leaveOut([.queryFrame], or: .queryImage))
            }
        }
    ) { request in
        try SimilarityMaps(
            request.model, engine: try request.makeEngine(), features: try request.features,
            query: try request.settings.comparedQuery,
            place: QueryPlace(request.settings), request)
    }
}

extension MethodSettings {
    /// What is compared with every patch.
    ///
    /// - Throws: `VitvideoError` of kind `usage` where none is given, and for what is not one token.
    fileprivate var comparedQuery: Query {
        get throws {
            guard let query = self[MethodOptions.query] else {
                throw VitvideoError(.usage, reason: "no patch is named", nextStep: .namePatch)
            }
            if query == .mean || query == .probe {
                throw VitvideoError(
                    .usage, reason: "similarity is that with one token, which '\(query)' is not",
                    nextStep: .namePatch)
            }
            return query
        }
    }
}

/// Where the query of similarity is.
package enum QueryPlace: Sendable, Hashable {
    /// In each frame, at the same place.
    case everyFrame
    /// In one frame of the clip, by its index in the source.
    case frame(Int)
    /// In a picture of its own.
    case picture(path: String)

    init(_ settings: MethodSettings) {
        self =
            settings[MethodOptions.queryFrame].map(QueryPlace.frame)
            ?? settings[MethodOptions.queryImage].map(QueryPlace.picture) ?? .everyFrame
    }
}

extension QueryPlace {
    func describe(_ query: Query, in provenance: inout Provenance) {
        provenance["query"] = .text(query.description)
        switch self {
        case .everyFrame: break
        case .frame(let index): provenance["query_frame"] = .integer(index)
        case .picture(let path): provenance["query_image"] = .text(path)
        }
    }
}

extension Query {
    /// "similarity with patch 3,4 of frame 7".
    func similarityCaption(_ place: QueryPlace) -> String {
        let with = self == .classToken ? "the class token" : "patch \(self)"
        let source =
            switch place {
            case .everyFrame: ""
            case .frame(let index): " of frame \(index)"
            case .picture(let path): " of \(FileName.shown(path))"
            }
        return "similarity with \(with)\(source)"
    }
}

/// The cosine of every patch's vector with that of a query.
package struct SimilarityMaps: ReusingMapSource {
    package let probed: ProbedModel
    package let engine: Engine
    package let features: TokenFeatures
    /// As it was asked for.
    package let chosen: Query
    package let place: QueryPlace
    /// The query's vector where it stays the same; nil where each frame has its own.
    package let reference: [Float]?

    /// - Parameters:
    ///   - engine: of the probed model.
    ///   - query: a patch, or the class token.
    ///   - request: gives the picture that the query is in, or what an earlier run found there.
    /// - Throws: `VitvideoError` of kind `usage` for a query that the model or the picture does not have; what reading
    ///   the picture and the pass throw.
    package init(
        _ probed: ProbedModel, engine: Engine, features: TokenFeatures, query: Query,
        place: QueryPlace = .everyFrame, _ request: MethodRequest
    ) throws {
        self.probed = probed
        self.engine = engine
        self.features = features
        self.place = place
        chosen = query
        try query.check(probed, namesBlock: true)
        guard place != .everyFrame else {
            reference = nil
            return
        }
        if let saved = request.savedState {
            reference = try JSONDecoder().decode([Float].self, from: saved)
            return
        }
        let image = try request.picture(place)
        var availableBytes = request.availableBytes
        let layout = try probed.layout(of: image)
        try query.check(on: layout, height: image.height, width: image.width, model: probed.name)
        try probed.reserveMemory(
            precision: engine.precision, on: layout, workers: 1, from: &availableBytes)
        let pass = try ForwardPass(engine: engine, threads: request.threads)
        let (vectors, _) = try features.run(pass, try probed.preprocessor.patches(of: image))
        reference = Array(vectors[Self.token(query, on: layout, of: probed)])
    }

    private static func token(_ query: Query, on layout: InputLayout, of probed: ProbedModel) -> Int {
        query.cell(on: layout).map {
            probed.configuration.specialTokens + $0.row * layout.columns + $0.column
        } ?? 0
    }

    package var method: Method { .similarity }
    package func savedState() throws -> Data? { try reference.map { try JSONEncoder().encode($0) } }
    /// Marked where it is in the frame that is shown.
    package var query: Query { reference == nil ? chosen : .classToken }
    package var summary: String { fusedName }
    package var arrays: [MapArray] { [MapArray("similarity", .fused)] }
    package var partNames: [String] { [] }
    package var fusedName: String {
        chosen.similarityCaption(place) + ", " + features.caption
    }

    package func describe(in provenance: inout Provenance) {
        features.describe(in: &provenance)
        place.describe(chosen, in: &provenance)
    }

    package func makeExtractor(threads: Int, reuse: TokenReuse?) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads, reuse: reuse)
        let preprocessor = probed.preprocessor
        let request = probed.classifying(ForwardRequest(attentionBlocks: []))
        return { [probed, features, chosen, reference] image in
            let (vectors, result) = try features.run(pass, try preprocessor.patches(of: image), request)
            let query =
                try reference
                ?? Array(vectors[Self.token(chosen, on: try probed.layout(of: image), of: probed)])
            return FrameMaps(
                parts: [], fused: vectors.cosines(with: query), prediction: probed.prediction(result))
        }
    }
}
