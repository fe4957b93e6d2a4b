import Base
import Graph
import Pixels
import Probing
import ViT

/// What a query attends to in one layer of a transformer of any build, per head and fused: a window's row in its place, zero
/// elsewhere.
struct GraphAttentionMaps: GraphMapSource {
    let probed: ProbedGraph
    /// The attention matrix, in order of computation.
    let layer: Int
    let heads: [Int]
    let fusion: HeadFusion
    let query: Query
    private let scope: String

    /// - Throws: `VitvideoError` of kind `usage` for a layer, a head or a query that the model does not have.
    init(_ request: GraphRequest) throws {
        probed = request.model
        let instance = try request.instance()
        layer = try request.layer(request.settings[MethodOptions.layer], of: instance)
        let matrix = instance.attention[layer]
        heads = try headIndices(request.settings[MethodOptions.heads], of: matrix.heads)
        fusion = request.settings[MethodOptions.fusion] ?? .mean
        query = request.settings[MethodOptions.query] ?? Query(standardOf: matrix)
        try query.check(matrix, layer: layer, of: probed.name)
        scope = matrix.scope
    }

    var method: Method { .attention }
    var summary: String { "layer \(layer) (\(scope))" + suffix }
    private var suffix: String { query.caption.map { ", \($0)" } ?? "" }
    var arrays: [MapArray] { [MapArray("attention", .parts(count: heads.count))] }
    var partNames: [String] { heads.map { "head \($0)\(suffix)" } }
    var fusedName: String { fusion.rawValue + suffix }

    func describe(in provenance: inout Provenance) {
        provenance["layer"] = .integer(layer)
        provenance["layer_name"] = .text(scope)
        provenance["heads"] = .integers(heads)
        provenance["query"] = .text(query.description)
    }

    func grid(of instance: GraphInstance) -> (rows: Int, columns: Int) {
        (instance.attention[layer].keys.rows, instance.attention[layer].keys.columns)
    }

    func queryGrid(of instance: GraphInstance) -> (rows: Int, columns: Int) {
        instance.attention[layer].queries.map { ($0.rows, $0.columns) } ?? grid(of: instance)
    }

    func memoryBytes(_ instance: GraphInstance) -> Int {
        GraphPlan(instance.graph, keeping: [instance.attention[layer].value]).memoryBytes
    }

    func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let looker = try GraphLooker(probed, threads: threads) { [layer] in [$0.attention[layer].value] }
        return { [probed, layer, heads, fusion, query] image in
            let (instance, pass) = try looker.look(at: image)
            let matrix = instance.attention[layer]
            let layout = try probed.preprocessor.layout(height: image.height, width: image.width)
            let maps = try pass.withValues(matrix.value) {
                try matrix.maps($0, heads: heads, query: query, on: layout, name: probed.name)
            }
            return FrameMaps(
                parts: maps, fused: fusion.fuse(maps), prediction: probed.prediction(pass.output))
        }
    }
}

/// What a query attends to in every layer: one map a layer, all on the finest grid, of one head or of several fused.
struct GraphLayerMaps: GraphMapSource {
    let probed: ProbedGraph
    let fusion: HeadFusion
    let query: Query
    /// Nil for all.
    private let heads: [Int]?
    private let layers: Int

    /// - Throws: as `GraphAttentionMaps.init`.
    init(_ request: GraphRequest) throws {
        probed = request.model
        let instance = try request.instance()
        layers = instance.attention.count
        heads = request.settings[MethodOptions.heads]
        fusion = request.settings[MethodOptions.fusion] ?? .mean
        for matrix in instance.attention { _ = try headIndices(heads, of: matrix.heads) }
        // One query for all: the class token where every layer has it.
        let hasClassToken = instance.attention.allSatisfy { $0.queryTokens > 0 }
        query = request.settings[MethodOptions.query] ?? (hasClassToken ? .classToken : .mean)
        for (layer, matrix) in instance.attention.enumerated() {
            try query.check(matrix, layer: layer, of: probed.name)
        }
    }

    var method: Method { .layers }
    var summary: String {
        heads?.count == 1 ? "every layer, head \(heads![0])" : "every layer, \(fusion.rawValue) of heads"
    }
    var arrays: [MapArray] { [MapArray("layers", .parts(count: layers))] }
    var partNames: [String] { (0..<layers).map { "layer \($0)" } }
    var fusedName: String { "mean" }

    func describe(in provenance: inout Provenance) {
        provenance["fusion"] = .text(fusion.rawValue)
        provenance["query"] = .text(query.description)
        if let heads { provenance["heads"] = .integers(heads) }
    }

    func grid(of instance: GraphInstance) -> (rows: Int, columns: Int) {
        (
            instance.attention.map(\.keys.rows).max() ?? 1, instance.attention.map(\.keys.columns).max() ?? 1
        )
    }

    func memoryBytes(_ instance: GraphInstance) -> Int {
        GraphPlan(instance.graph, keeping: instance.attention.map(\.value)).memoryBytes
    }

    func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let looker = try GraphLooker(probed, threads: threads) { $0.attention.map(\.value) }
        return { [self] image in
            let (instance, pass) = try looker.look(at: image)
            let layout = try probed.preprocessor.layout(height: image.height, width: image.width)
            let grid = grid(of: instance)
            let maps = try instance.attention.map { matrix in
                let own = try pass.withValues(matrix.value) {
                    try matrix.maps(
                        $0, heads: headIndices(heads, of: matrix.heads), query: query, on: layout,
                        name: probed.name)
                }
                return fusion.fuse(own).spread(rows: grid.rows, columns: grid.columns)
            }
            return FrameMaps(
                parts: maps, fused: HeadFusion.mean.fuse(maps), prediction: probed.prediction(pass.output))
        }
    }
}
