import Pixels
import Probing
import ViT

/// What one token, the class token unless told otherwise, attends to in one block, per head and fused.
package struct AttentionMaps: ForwardMapSource {
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
    ///   - layer: block index, negative from the end as in Python.
    ///   - heads: nil for all.
    /// - Throws: `VitvideoError.noSuchBlock`, `VitvideoError.noSuchHead`.
    package init(
        _ probed: ProbedModel, engine: Engine, layer: Int = -1, heads: [Int]? = nil,
        fusion: HeadFusion = .mean, query: Query = .classToken
    ) throws {
        self.probed = probed
        self.engine = engine
        block = try probed.model.block(at: layer)
        self.heads = try probed.heads(heads)
        self.fusion = fusion
        self.query = query
    }

    package var method: ProbingMethod { .attention }
    package var summary: String { "layer \(block)" }
    package var arrays: [MapArray] { [MapArray("attention", .parts(count: heads.count))] }
    package var partNames: [String] { heads.map { "head \($0)" } }
    package var fusedName: String { fusion.rawValue }

    package func describe(in provenance: inout MapProvenance) {
        provenance.layer = block
        provenance.heads = heads
        provenance.query = query.description
    }

    package func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads)
        let preprocessor = probed.preprocessor
        var request = probed.classifying(ForwardRequest(attentionBlocks: [block]))
        return { [probed, block, heads, fusion, query] image in
            request.queryToken = query.token(
                on: try probed.layout(of: image), specialTokens: probed.configuration.specialTokens)
            let result = try pass.run(try preprocessor.patches(of: image), request)
            let planes = result.attention[block]?.planes ?? []
            let chosen = heads.map { planes[$0] }
            return FrameMaps(
                parts: chosen, fused: fusion.fuse(chosen), prediction: probed.prediction(result))
        }
    }
}
