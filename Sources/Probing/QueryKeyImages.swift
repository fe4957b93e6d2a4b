import Base
import Glibc
import Pixels
import ViT

/// One block's queries and keys over the patches, to be looked at channel by channel.
package struct QueryKeyImages: Sendable {
    package enum Part: String, Sendable, CaseIterable {
        case query
        case key
    }

    package let rows: Int
    package let columns: Int
    package let heads: Int
    package let headWidth: Int
    /// `patches × 2D`: queries, then keys.
    private let values: [Float]

    /// Runs the model on a picture up to a block.
    ///
    /// - Parameter request: what else the forward pass should give back.
    /// - Throws: as `ForwardPass.run`.
    package static func run(
        _ pass: ForwardPass, _ input: PatchMatrix, block: Int,
        _ request: ForwardRequest = ForwardRequest(attentionBlocks: [])
    ) throws -> (images: QueryKeyImages, result: ForwardResult) {
        let c = pass.model.configuration
        guard (0..<c.depth).contains(block) else { throw VitvideoError.noSuchBlock(block, depth: c.depth) }
        var kept: [Float] = []
        let result = try pass.run(
            input, request, observing: [.queriesKeysValues(block: block)]
        ) { _, _, values in
            kept.reserveCapacity(2 * c.width * input.rows * input.columns)
            for token in c.specialTokens..<values.count / (3 * c.width) {
                kept += values[token * 3 * c.width..<token * 3 * c.width + 2 * c.width]
            }
        }
        let images = QueryKeyImages(
            rows: input.rows, columns: input.columns, heads: c.heads, headWidth: c.headWidth, values: kept)
        return (images, result)
    }

    /// One channel of one head through the sigmoid: `rows × columns`, each value within 0…1.
    ///
    /// - Throws: `VitvideoError.noSuchHead`, and `VitvideoError` of kind `usage` for a channel outside the
    ///   head.
    package func image(_ part: Part, head: Int, channel: Int) throws -> Plane {
        guard (0..<heads).contains(head) else { throw VitvideoError.noSuchHead(head, heads: heads) }
        guard (0..<headWidth).contains(channel) else {
            throw VitvideoError(
                .usage,
                reason: "there is no channel \(channel): a head has channels 0 to \(headWidth - 1)")
        }
        let width = heads * headWidth
        let offset = (part == .key ? width : 0) + head * headWidth + channel
        return Plane(
            height: rows, width: columns,
            values: (0..<rows * columns).map { 1 / (1 + exp(-values[$0 * 2 * width + offset])) })
    }
}
