import Pixels
import Probing
import ViT

/// What one token, the class token unless told otherwise, attends to in every block: one map a block, of one head
/// or of several fused.
package struct LayerMaps: ForwardMapSource {
    package let probed: ProbedModel
    package let engine: Engine
    /// The heads that are fused.
    package let heads: [Int]
    package let fusion: HeadFusion
    package let query: Query

    /// - Parameters:
    ///   - engine: of the probed model.
    ///   - heads: nil for all.
    /// - Throws: `VitvideoError.noSuchHead`.
    package init(
        _ probed: ProbedModel, engine: Engine, heads: [Int]? = nil, fusion: HeadFusion = .mean,
        query: Query = .classToken
    ) throws {
        self.probed = probed
        self.engine = engine
        self.heads = try probed.heads(heads)
        self.fusion = fusion
        self.query = query
    }

    private var depth: Int { probed.configuration.depth }

    package var method: ProbingMethod { .layers }
    package var summary: String {
        heads.count == 1 ? "every layer, head \(heads[0])" : "every layer, \(fusion.rawValue) of heads"
    }
    package var arrays: [MapArray] { [MapArray("layers", .parts(count: depth))] }
    package var partNames: [String] { (0..<depth).map { "layer \($0)" } }
    package var fusedName: String { "mean" }

    package func describe(in provenance: inout MapProvenance) {
        provenance.heads = heads
        provenance.fusion = fusion.rawValue
        provenance.query = query.description
    }

    package func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads)
        let preprocessor = probed.preprocessor
        return { [probed, heads, fusion, query] image in
            let token = query.token(
                on: try probed.layout(of: image), specialTokens: probed.configuration.specialTokens)
            let request = LayerAttention.request(of: probed.model, queryToken: token)
            let result = try pass.run(try preprocessor.patches(of: image), probed.classifying(request))
            let maps = try LayerAttention.maps(result, heads: heads, fusion: fusion)
            return FrameMaps(
                parts: maps, fused: HeadFusion.mean.fuse(maps), prediction: probed.prediction(result))
        }
    }
}
