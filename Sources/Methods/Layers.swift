import Pixels
import Probing
import ViT

extension Method {
    /// What one query attends to in every block.
    package static let layers: Method = Method(
        name: "layers", summary: "attention of every block",
        options: [
            MethodOptionUse(MethodOptions.heads, "heads to fuse", standard: "all"),
            MethodOptionUse(MethodOptions.fusion, "how the heads are fused", standard: "mean"),
            .query,
        ],
        arrays: [ArrayDescription("layers", ["blocks", "rows", "cols"])], maps: .several,
        singleMap: SingleMap(
            method: "attention", option: AnyMethodOption(MethodOptions.layer), shown: "one block"),
        section: .layers, reusesFrames: true, ofGraph: { try GraphLayerMaps($0) }
    ) { request in
        try LayerMaps(
            request.model, engine: try request.makeEngine(), heads: request.settings[MethodOptions.heads],
            fusion: request.settings[MethodOptions.fusion] ?? .mean,
            query: request.settings[MethodOptions.query])
    }
}

/// What a query, the class token unless told otherwise, attends to in every block: one map a block, of one head or of
/// several fused.
package struct LayerMaps: ReusingMapSource {
    package let probed: ProbedModel
    package let engine: Engine
    /// The heads that are fused.
    package let heads: [Int]
    package let fusion: HeadFusion
    package let query: Query

    /// - Parameters:
    ///   - engine: of the probed model.
    ///   - heads: nil for all.
    ///   - query: nil for the model's standard one.
    /// - Throws: `VitvideoError` of kind `usage` for a head or a query that the model does not have.
    package init(
        _ probed: ProbedModel, engine: Engine, heads: [Int]? = nil, fusion: HeadFusion = .mean,
        query: Query? = nil
    ) throws {
        self.probed = probed
        self.engine = engine
        self.heads = try probed.heads(heads)
        self.fusion = fusion
        self.query = query ?? Query(standardOf: probed.configuration, namesBlock: true)
        try self.query.check(probed, namesBlock: true)
    }

    private var depth: Int { probed.configuration.depth }

    package var method: Method { .layers }
    package var summary: String {
        (heads.count == 1 ? "every layer, head \(heads[0])" : "every layer, \(fusion.rawValue) of heads")
            + (query.caption.map { ", \($0)" } ?? "")
    }
    package var arrays: [MapArray] { [MapArray("layers", .parts(count: depth))] }
    package var partNames: [String] { (0..<depth).map { "layer \($0)" } }
    package var fusedName: String { "mean" }

    package func describe(in provenance: inout Provenance) {
        provenance["heads"] = .integers(heads)
        provenance["fusion"] = .text(fusion.rawValue)
        provenance["query"] = .text(query.description)
    }

    package func makeExtractor(threads: Int, reuse: TokenReuse?) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads, reuse: reuse)
        let preprocessor = probed.preprocessor
        return { [probed, heads, fusion, query] image in
            let attending = query.attending(
                on: try probed.layout(of: image), specialTokens: probed.configuration.specialTokens)
            let request = LayerAttention.request(of: probed.model, query: attending)
            let result = try pass.run(try preprocessor.patches(of: image), probed.classifying(request))
            let maps = try LayerAttention.maps(result, heads: heads, fusion: fusion)
            return FrameMaps(
                parts: maps, fused: HeadFusion.mean.fuse(maps), prediction: probed.prediction(result))
        }
    }
}

extension MethodSection {
    /// The class token's attention in every block, mean over heads.
    static let layers: MethodSection = MethodSection(
        name: "layers", title: "Attention through the layers", place: 20,
        explanation: { _ in
            "What the class token (in a model without one a patch, mean over all) attends to in every layer, mean over "
                + "heads. " + scaleNote
        },
        require: { request, probed in
            request.attentionBlocks.formUnion(0..<probed.configuration.depth)
        },
        makeProbe: { context in
            let query = Query(standardOf: context.probed.configuration, namesBlock: true)
            return SectionProbe { picture in
                [layers(try LayerAttention.maps(picture.result), of: query, context.probed.name)]
            }
        },
        ofGraph: { picture in
            let (source, maps) = try picture.look(by: .layers)
            return [layers(maps.parts, of: source.query, picture.model.name)]
        })

    private static func layers(_ maps: [Plane], of query: Query, _ model: String) -> SectionFigure {
        SectionFigure(
            tiles: maps.enumerated().map { SectionFigure.Tile(caption: "layer \($0)", map: $1) },
            arrays: [FigureArray("layers", maps)],
            text:
                "What \(query.phrase) of \(model) attends to in each of \(maps.count) layers, mean over heads"
        )
    }
}
