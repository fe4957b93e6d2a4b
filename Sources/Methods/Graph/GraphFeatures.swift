import Base
import FoundationEssentials
import Graph
import Pixels
import Probing
import ViT

/// The tokens of one layer of a transformer of any build, or those after the norm that follows the last.
struct GraphFeatures: Sendable {
    /// Nil for after the last norm, or after the last layer where there is none.
    let layer: Int?

    /// - Throws: `VitvideoError` of kind `usage` for what only plain Vision Transformers have, for a layer that the model does
    ///   not have, and where its tokens are on no grid.
    init(_ request: GraphRequest, _ instance: GraphInstance) throws {
        if let kind = request.settings[MethodOptions.feature], kind != .token {
            throw VitvideoError(
                .usage,
                reason: "of \(request.model.name) only tokens are looked at, and not by \(kind.rawValue)")
        }
        layer = try request.settings[MethodOptions.layer].map { try request.layer($0, of: instance) }
        _ = try tensor(of: instance, request.model.name)
    }

    /// - Throws: `VitvideoError` of kind `usage` where the tokens are on no grid.
    func tensor(of instance: GraphInstance, _ name: String) throws -> TokenTensor {
        let stream = instance.tokens
        let found = layer.map { stream.layers[$0] } ?? stream.normalized ?? stream.layers.last ?? nil
        guard let found else {
            throw VitvideoError(
                .usage,
                reason: "\(name) has no tokens on a grid after layer \(layer ?? instance.attention.count - 1)"
            )
        }
        return found
    }

    var caption: String { "tokens" + (layer.map { " of layer \($0)" } ?? "") }

    func describe(in provenance: inout Provenance) {
        provenance["feature"] = .text(TokenFeatures.Kind.token.rawValue)
        provenance["layer"] = layer.map { .integer($0) }
    }

    /// The vectors of a picture that has been looked at.
    func vectors(_ instance: GraphInstance, _ pass: GraphPass, _ name: String) throws -> TokenVectors {
        let tensor = try tensor(of: instance, name)
        return TokenVectors(
            values: pass.withValues(tensor.value) { tensor.vectors($0) }, width: tensor.width,
            specialTokens: tensor.specialTokens, rows: tensor.grid.rows, columns: tensor.grid.columns)
    }
}

/// A source that looks at tokens' vectors.
protocol GraphFeatureSource: GraphMapSource {
    var features: GraphFeatures { get }
}

extension GraphFeatureSource {
    func grid(of instance: GraphInstance) -> (rows: Int, columns: Int) {
        (try? features.tensor(of: instance, name)).map { ($0.grid.rows, $0.grid.columns) } ?? (1, 1)
    }

    func memoryBytes(_ instance: GraphInstance) -> Int {
        guard let tensor = try? features.tensor(of: instance, name) else { return 0 }
        return GraphPlan(instance.graph, keeping: [tensor.value]).memoryBytes
            + 4 * instance.graph.shape(tensor.value).count * MemoryLayout<Float>.stride
    }

    /// A worker's looks at the vectors.
    func makeLooker(threads: Int) throws -> (RGBImage) throws -> (TokenVectors, output: [Float]) {
        let looker = try GraphLooker(probed, threads: threads) { [features, name] in
            [try features.tensor(of: $0, name).value]
        }
        return { [features, name] image in
            let (instance, pass) = try looker.look(at: image)
            return (try features.vectors(instance, pass, name), pass.output)
        }
    }
}

/// A vector a patch, and the class token's.
struct GraphTokenMaps: GraphFeatureSource {
    let probed: ProbedGraph
    let features: GraphFeatures
    private let width: Int
    private let hasClassToken: Bool

    /// - Throws: as `GraphFeatures.init`.
    init(_ request: GraphRequest) throws {
        probed = request.model
        let instance = try request.instance()
        features = try GraphFeatures(request, instance)
        let tensor = try features.tensor(of: instance, probed.name)
        (width, hasClassToken) = (tensor.width, tensor.specialTokens > 0)
    }

    var method: Method { .tokens }
    var summary: String { fusedName }
    var arrays: [MapArray] {
        [MapArray("tokens", .patchVectors(width: width))]
            + (hasClassToken ? [MapArray("class_token", .classVector(width: width))] : [])
    }
    var partNames: [String] { [] }
    var fusedName: String { "length of \(features.caption)" }

    func describe(in provenance: inout Provenance) { features.describe(in: &provenance) }

    func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let look = try makeLooker(threads: threads)
        return { [probed, hasClassToken] image in
            let (vectors, output) = try look(image)
            return FrameMaps(
                parts: [], fused: vectors.norms(),
                vectors: FrameVectors(
                    patches: Array(vectors.patches), classToken: hasClassToken ? Array(vectors[0]) : []),
                prediction: probed.prediction(output))
        }
    }
}

/// The cosine of every patch's vector with that of a query.
struct GraphSimilarityMaps: GraphFeatureSource {
    let probed: ProbedGraph
    let features: GraphFeatures
    private let chosen: Query
    private let place: QueryPlace
    /// The query's vector where it stays the same.
    private let reference: [Float]?

    /// - Parameter query: a patch, or the class token.
    /// - Throws: as `GraphFeatures.init`, and for a query that the model or the picture does not have.
    init(_ request: GraphRequest, query: Query) throws {
        probed = request.model
        let instance = try request.instance()
        features = try GraphFeatures(request, instance)
        chosen = query
        place = QueryPlace(request.settings)
        if query == .classToken, try features.tensor(of: instance, probed.name).specialTokens == 0 {
            throw VitvideoError(.usage, reason: "\(probed.name) has no class token", nextStep: .namePatch)
        }
        if let saved = request.savedState {
            reference = try JSONDecoder().decode([Float].self, from: saved)
            return
        }
        guard place != .everyFrame else {
            reference = nil
            return
        }
        let image = try request.picture(place)
        let looker = try GraphLooker(probed, threads: request.threads) { [features, probed] in
            [try features.tensor(of: $0, probed.name).value]
        }
        let (seen, pass) = try looker.look(at: image)
        let vectors = try features.vectors(seen, pass, probed.name)
        let layout = try probed.preprocessor.layout(height: image.height, width: image.width)
            .divided(rows: vectors.rows, columns: vectors.columns)
        try query.check(on: layout, height: image.height, width: image.width, model: probed.name)
        reference = Array(vectors[Self.token(query, on: layout, vectors)])
    }

    private static func token(_ query: Query, on layout: InputLayout, _ vectors: TokenVectors) -> Int {
        query.cell(on: layout).map { vectors.specialTokens + $0.row * layout.columns + $0.column } ?? 0
    }

    var method: Method { .similarity }
    func savedState() throws -> Data? { try reference.map { try JSONEncoder().encode($0) } }
    var query: Query { reference == nil ? chosen : .classToken }
    var summary: String { fusedName }
    var arrays: [MapArray] { [MapArray("similarity", .fused)] }
    var partNames: [String] { [] }
    var fusedName: String { chosen.similarityCaption(place) + ", " + features.caption }

    func describe(in provenance: inout Provenance) {
        features.describe(in: &provenance)
        place.describe(chosen, in: &provenance)
    }

    func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let look = try makeLooker(threads: threads)
        return { [probed, chosen, reference] image in
            let (vectors, output) = try look(image)
            let layout = try probed.preprocessor.layout(height: image.height, width: image.width)
                .divided(rows: vectors.rows, columns: vectors.columns)
            let query = reference ?? Array(vectors[Self.token(chosen, on: layout, vectors)])
            return FrameMaps(
                parts: [], fused: vectors.cosines(with: query), prediction: probed.prediction(output))
        }
    }
}

/// The first three principal components of the patches' vectors, shown as red, green and blue.
struct GraphFeatureMaps: GraphFeatureSource {
    let probed: ProbedGraph
    let features: GraphFeatures
    private let fitted: FittedFeatures

    /// - Throws: as `GraphFeatures.init`; `VitvideoError` of kind `badData` where there is no frame to fit to.
    init(_ request: GraphRequest) throws {
        probed = request.model
        features = try GraphFeatures(request, request.instance())
        if request.settings[MethodOptions.featuresOf] == .foreground {
            throw VitvideoError(
                .usage,
                reason: "the foreground is told by plain Vision Transformers, and \(probed.name) is another "
                    + "(\(probed.model.title))")
        }
        if let saved = request.savedState {
            fitted = try JSONDecoder().decode(FittedFeatures.self, from: saved)
            return
        }
        let looker = try GraphLooker(probed, threads: request.threads) { [features, probed] in
            [try features.tensor(of: $0, probed.name).value]
        }
        var fitter: FeatureBasisFitter?
        var frames = 0
        try request.forEachSample { [features, probed] image in
            let (instance, pass) = try looker.look(at: image)
            let vectors = try features.vectors(instance, pass, probed.name)
            var own = try fitter ?? FeatureBasisFitter(width: vectors.width)
            own.add(tokens: vectors.values, specialTokens: vectors.specialTokens)
            fitter = own
            frames += 1
        }
        guard let basis = fitter?.fit() else { throw SampledPasses.nothingToFit }
        fitted = FittedFeatures(basis: basis, frames: frames)
    }

    var method: Method { .features }
    func savedState() throws -> Data? { try JSONEncoder().encode(fitted) }
    var summary: String {
        let share = Int((100 * fitted.basis.explained.reduce(0, +)).rounded())
        return
            "3 components with \(share) % of the variance, fitted on \(fitted.frames) frame\(fitted.frames == 1 ? "" : "s")"
    }
    var arrays: [MapArray] { [MapArray("features", .interleaved(count: 3))] }
    var partNames: [String] { (1...3).map { "component \($0)" } }
    var fusedName: String { "features (principal components)" }

    func describe(in provenance: inout Provenance) {
        provenance["explained"] = .numbers(fitted.basis.explained)
        provenance["fitted_frames"] = .integer(fitted.frames)
        provenance["features_of"] = .text(FeatureRegion.all.rawValue)
    }

    func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let look = try makeLooker(threads: threads)
        return { [probed, fitted] image in
            let (vectors, output) = try look(image)
            let parts = fitted.basis.maps(
                tokens: vectors.values, rows: vectors.rows, columns: vectors.columns)
            return FrameMaps(
                parts: parts, fused: HeadFusion.mean.fuse(parts), prediction: probed.prediction(output))
        }
    }
}
