import Pixels
import Probing
import ViT

extension Method {
    /// Maximum flow through the attention of some blocks.
    package static let flow = Method(
        name: "flow", title: "attention flow",
        summary:
            "the most that could flow from each patch through some layers, their attention taken for capacities; "
            + "through many layers it only repeats the first one's attention",
        options: [
            MethodOptionUse(
                MethodOptions.blocks,
                "layers A to B, B not included, negative from the end; over five or six the flow to nearly every patch "
                    + "is at its bound, what all tokens together attend to it in layer A, and the layers above no "
                    + "longer count",
                standard: "-3:, the last three")
        ],
        arrays: [ArrayDescription("flow", ["rows", "cols"], note: "divided by its sum over the patches")]
    ) { request in
        let depth = request.model.configuration.depth
        return FlowMaps(
            request.model, engine: try request.makeEngine(),
            blocks: try request.settings[MethodOptions.blocks]?.indices(depth: depth)
                ?? BlockRange.last(FlowMaps.standardBlocks, of: depth))
    }
}

/// How much could flow from the class token to which patch through some blocks (Abnar & Zuidema 2020).
package struct FlowMaps: ForwardMapSource {
    /// So many of the last blocks where none are named: the flow through more of them is at its bound.
    package static let standardBlocks = 3

    package let probed: ProbedModel
    package let engine: Engine
    package let blocks: Range<Int>

    /// - Parameters:
    ///   - engine: of the probed model.
    ///   - blocks: of the model, at least one.
    package init(_ probed: ProbedModel, engine: Engine, blocks: Range<Int>) {
        self.probed = probed
        self.engine = engine
        self.blocks = blocks
    }

    package var method: Method { .flow }
    package var summary: String { fusedName }
    package var arrays: [MapArray] { [MapArray("flow", .fused)] }
    package var partNames: [String] { [] }
    package var fusedName: String { "flow, \(blocks.layerCaption)" }

    package func describe(in provenance: inout Provenance) {
        provenance["layers"] = .integers(Array(blocks))
    }

    package func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        let layout = try layout(height: height, width: width)
        let c = probed.configuration
        try AttentionFlowCost.check(
            c, rows: layout.rows, columns: layout.columns, blocks: blocks.count, workers: workers,
            availableBytes: availableBytes)
        availableBytes? -=
            workers
            * AttentionFlowCost.bytes(c, rows: layout.rows, columns: layout.columns, blocks: blocks.count)
    }

    package func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let flow = AttentionFlow(pass: try ForwardPass(engine: engine, threads: threads), blocks: blocks)
        let preprocessor = probed.preprocessor
        let request = probed.classifying(ForwardRequest(attentionBlocks: []))
        return { [probed] image in
            let (map, result) = try flow.run(try preprocessor.patches(of: image), request)
            return FrameMaps(parts: [], fused: map, prediction: probed.prediction(result))
        }
    }
}
