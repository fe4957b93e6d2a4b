import Pixels
import Probing
import ViT

extension Method {
    /// What one token attends to in one block, per head.
    package static let attention: Method = Method(
        name: "attention", summary: "of one block, per head",
        options: [
            MethodOptionUse(
                MethodOptions.layer, "the block, negative from the end", standard: "-1"),
            MethodOptionUse(
                MethodOptions.heads, "heads to show, fuse and export, such as 0,3", standard: "all"),
            MethodOptionUse(MethodOptions.fusion, "how the heads are fused", standard: "mean"),
            .query,
        ],
        arrays: [ArrayDescription("attention", ["heads", "rows", "cols"])], section: .heads,
        reusesFrames: true, ofGraph: { try GraphAttentionMaps($0) }
    ) { request in
        try AttentionMaps(
            request.model, engine: try request.makeEngine(),
            layer: request.settings[MethodOptions.layer], heads: request.settings[MethodOptions.heads],
            fusion: request.settings[MethodOptions.fusion] ?? .mean,
            query: request.settings[MethodOptions.query])
    }
}

extension MethodOptionUse {
    /// The option of methods that show one token's attention.
    static let query = MethodOptionUse(
        MethodOptions.query,
        "what attends. cls, the class token; ROW,COL, a patch of the grid; Xpx,Ypx, the patch under a pixel of the "
            + "frame; mean, all patches, the mean over what each attends to; or probe, the query by which a model "
            + "such as SigLIP pools its patches", standard: "cls, without a class token probe or mean")
}

/// What a query, the class token unless told otherwise, attends to in one block, per head and fused.
package struct AttentionMaps: ReusingMapSource {
    package let probed: ProbedModel
    package let engine: Engine
    /// The block, 0-based.
    package let block: Int
    /// The heads that are shown, fused and exported, in this order.
    package let heads: [Int]
    package let fusion: HeadFusion
    package let query: Query

    /// - Parameters:
    ///   - engine: of the probed model.
    ///   - layer: block index, negative from the end as in Python; nil for the last.
    ///   - heads: nil for all.
    ///   - query: nil for the model's standard one.
    /// - Throws: `VitvideoError` of kind `usage` for a block, a head or a query that the model does not have.
    package init(
        _ probed: ProbedModel, engine: Engine, layer: Int? = nil, heads: [Int]? = nil,
        fusion: HeadFusion = .mean, query: Query? = nil
    ) throws {
        self.probed = probed
        self.engine = engine
        block = try probed.model.block(at: layer ?? -1)
        self.heads = try probed.heads(heads)
        self.fusion = fusion
        self.query = query ?? Query(standardOf: probed.configuration, namesBlock: layer != nil)
        try self.query.check(probed, namesBlock: layer != nil)
    }

    package var method: Method { .attention }
    package var summary: String {
        let place = "layer \(block)"
        return query == .probe ? query.caption ?? place : place + suffix
    }

    /// What departs from the class token's attention: ", mean query".
    private var suffix: String { query.caption.map { ", \($0)" } ?? "" }

    package var arrays: [MapArray] { [MapArray("attention", .parts(count: heads.count))] }
    package var partNames: [String] { heads.map { "head \($0)\(suffix)" } }
    package var fusedName: String { fusion.rawValue + suffix }

    package func describe(in provenance: inout Provenance) {
        provenance["layer"] = query == .probe ? .text(query.description) : .integer(block)
        provenance["heads"] = .integers(heads)
        provenance["query"] = .text(query.description)
    }

    package func makeExtractor(threads: Int, reuse: TokenReuse?) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads, reuse: reuse)
        let preprocessor = probed.preprocessor
        var request = probed.classifying(ForwardRequest(attentionBlocks: query == .probe ? [] : [block]))
        request.wantsProbeAttention = query == .probe
        return { [probed, block, heads, fusion, query] image in
            request.query = query.attending(
                on: try probed.layout(of: image), specialTokens: probed.configuration.specialTokens)
            let result = try pass.run(try preprocessor.patches(of: image), request)
            let planes = (query == .probe ? result.probeAttention : result.attention[block])?.planes ?? []
            let chosen = heads.map { planes[$0] }
            return FrameMaps(
                parts: chosen, fused: fusion.fuse(chosen), prediction: probed.prediction(result))
        }
    }
}

extension MethodSection {
    /// The class token's attention in one block, a map a head.
    static let heads: MethodSection = MethodSection(
        name: "heads", title: "Attention heads", place: 10,
        explanation: { settings in
            "What the class token attends to in \(settings.layerText), one map a head, over the picture as the model "
                + "was given it: resized, cropped to whole patches, its normalisation undone. In a model without a "
                + "class token it is the probe that pools its patches, or the mean over what each patch attends to. "
                + scaleNote
        },
        require: { request, probed in
            request.attentionBlocks.formUnion(0..<probed.configuration.depth)
            if probed.configuration.pooling == .attentionProbe { request.wantsProbeAttention = true }
        },
        check: { settings, probed in _ = try probed.model.block(at: settings.layer) },
        makeProbe: { context in
            let block = try context.probed.model.block(at: context.settings.layer)
            // The last layer is what a report shows where nobody says.
            let query = Query(
                standardOf: context.probed.configuration, namesBlock: context.settings.layer != -1)
            return SectionProbe { picture in
                let attention =
                    query == .probe ? picture.result.probeAttention : picture.result.attention[block]
                return [
                    heads(
                        attention?.planes ?? [], of: query, context.probed.name,
                        layer: query == .probe ? nil : block)
                ]
            }
        },
        ofGraph: { picture in
            let layer = try picture.layer
            var settings = MethodSettings()
            settings[MethodOptions.layer] = layer
            let (source, maps) = try picture.look(by: .attention, settings)
            return [heads(maps.parts, of: source.query, picture.model.name, layer: layer)]
        })

    /// - Parameter layer: nil for none in particular.
    private static func heads(
        _ maps: [Plane], of query: Query, _ model: String, layer: Int?
    ) -> SectionFigure {
        SectionFigure(
            tiles: maps.enumerated().map { SectionFigure.Tile(caption: "head \($0)", map: $1) },
            arrays: [FigureArray("attention", maps)],
            text: "What \(query.phrase) of \(model) attends to" + (layer.map { " in layer \($0)" } ?? "")
                + ", by each of \(maps.count) heads")
    }
}
