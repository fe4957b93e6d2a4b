import Base
import Pixels
import ViT

/// A query's attention in every block.
package enum LayerAttention {
    /// The request that fetches it.
    package static func request(of model: Model, query: AttentionQuery? = nil) -> ForwardRequest {
        ForwardRequest(attentionBlocks: Set(0..<model.configuration.depth), query: query)
    }

    /// - Parameter head: the head to show; nil for the mean of all.
    /// - Returns: one map per block, from the first to the last.
    /// - Throws: `VitvideoError.noSuchHead`.
    package static func maps(_ result: ForwardResult, head: Int?) throws -> [Plane] {
        try maps(result, heads: head.map { [$0] })
    }

    /// - Parameters:
    ///   - heads: the heads to fuse; nil for all.
    ///   - fusion: how they become one map.
    /// - Returns: one map per block, from the first to the last.
    /// - Throws: `VitvideoError.noSuchHead`.
    package static func maps(
        _ result: ForwardResult, heads: [Int]? = nil, fusion: HeadFusion = .mean
    ) throws -> [Plane] {
        try result.attention.sorted { $0.key < $1.key }.map { _, attention in
            let planes = attention.planes
            return fusion.fuse(
                try (heads ?? Array(planes.indices)).map { head in
                    guard planes.indices.contains(head) else {
                        throw VitvideoError.noSuchHead(head, heads: planes.count)
                    }
                    return planes[head]
                })
        }
    }
}
