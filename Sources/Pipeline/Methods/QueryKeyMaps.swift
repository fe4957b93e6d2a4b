import Pixels
import Probing
import ViT

/// The queries and the keys of one channel of one head, each through the sigmoid.
package struct QueryKeyMaps: ForwardMapSource {
    package let probed: ProbedModel
    package let engine: Engine
    /// The block, 0-based.
    package let block: Int
    package let head: Int
    /// Of the head, 0-based.
    package let channel: Int

    /// - Parameters:
    ///   - engine: of the probed model.
    ///   - layer: block index, negative from the end as in Python.
    /// - Throws: `VitvideoError.noSuchBlock`, `VitvideoError.noSuchHead`, `PipelineError` of kind `usage`
    ///   for a channel that a head does not have.
    package init(
        _ probed: ProbedModel, engine: Engine, layer: Int = -1, head: Int = 0, channel: Int = 0
    ) throws {
        self.probed = probed
        self.engine = engine
        block = try probed.model.block(at: layer)
        self.head = try probed.heads([head])[0]
        let channels = probed.configuration.headWidth
        guard (0..<channels).contains(channel) else {
            throw PipelineError(
                .usage, "there is no channel \(channel): a head has channels 0 to \(channels - 1)")
        }
        self.channel = channel
    }

    package var method: ProbingMethod { .queryKey }
    package var summary: String { "layer \(block), head \(head), channel \(channel)" }
    package var arrays: [MapArray] { [MapArray("q", .part(0)), MapArray("k", .part(1))] }
    package var partNames: [String] { ["query", "key"] }
    package var fusedName: String { "mean" }

    package func describe(in provenance: inout MapProvenance) {
        provenance.layer = block
        provenance.heads = [head]
        provenance.channel = channel
    }

    package func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads)
        let preprocessor = probed.preprocessor
        let request = probed.classifying(ForwardRequest(attentionBlocks: []))
        return { [probed, block, head, channel] image in
            let (images, result) = try QueryKeyImages.run(
                pass, try preprocessor.patches(of: image), block: block, request)
            let parts = try [QueryKeyImages.Part.query, .key].map {
                try images.image($0, head: head, channel: channel)
            }
            return FrameMaps(
                parts: parts, fused: HeadFusion.mean.fuse(parts), prediction: probed.prediction(result))
        }
    }
}
