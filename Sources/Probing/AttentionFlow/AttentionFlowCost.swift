import Base
import Glibc
import ViT

/// What attention flow takes: memory that grows with the square of the tokens, time that grows with more than that.
package enum AttentionFlowCost {
    /// Longer than that a picture is not begun.
    package static let limitSeconds = 180.0

    /// Bytes for one picture at a time, beside the model's weights.
    package static func bytes(_ c: Configuration, rows: Int, columns: Int, blocks: Int) -> Int {
        let tokens = c.specialTokens + rows * columns
        let graph = LayeredGraph.memoryBytes(
            tokens: tokens, levels: blocks, sources: AttentionFlow.sources(c, tokens: tokens).count)
        let fused = min(AttentionStrip.usualRows, tokens) * tokens * MemoryLayout<Float>.stride
        let memory = MemoryModel(c, tokens: tokens)
        return graph + fused + LayeredFlow.memoryBytes(tokens: tokens, levels: blocks)
            + memory.forwardActivations + memory.attentionReplay()
    }

    /// Seconds for the flows of one picture on a core, as they were measured, within a factor of 2 or so: nothing to speak
    /// of through two blocks, and no more through many than through six, where most flows reach their bound. Where flow
    /// begins at every patch, that is like a block more.
    package static func seconds(_ c: Configuration, rows: Int, columns: Int, blocks: Int) -> Double {
        let tokens = Double(c.specialTokens + rows * columns)
        let inner = min(blocks, 6) - (c.prefix.hasClassToken ? 2 : 1)
        return 3e-7 * Double(max(inner, 0)) * pow(tokens, 2.6)
    }

    /// - Parameters:
    ///   - workers: how many pictures are worked on at once.
    ///   - availableBytes: what all of them may take; nil where unknown.
    /// - Throws: `VitvideoError` of kind `usage` where a picture would take longer than `limitSeconds`, naming fewer
    ///   blocks and a resolution that would not, and where they do not fit into memory.
    package static func check(
        _ c: Configuration, rows: Int, columns: Int, blocks: Int, workers: Int = 1, availableBytes: Int?
    ) throws {
        func seconds(_ rows: Int, _ columns: Int, _ blocks: Int) -> Double {
            Self.seconds(c, rows: rows, columns: columns, blocks: blocks)
        }
        let needed = seconds(rows, columns, blocks)
        if needed > limitSeconds {
            let fewer = (1..<blocks).last { seconds(rows, columns, $0) <= limitSeconds }
            let side = GridMemory.largestGrid(like: rows, columns, within: Int(limitSeconds)) {
                // Of a grid like memory it grows.
                Int(seconds($0, $1, blocks).rounded(.up))
            }
            throw VitvideoError(
                .usage,
                reason: "attention flow through \(blocks) layers over \(rows)×\(columns) patches takes about "
                    + "\(Int((needed / 60).rounded(.up))) minutes a picture",
                nextStep: .shortenFlow(
                    blocks: fewer, resolution: side.map { min($0.rows, $0.columns) * c.patchSize }))
        }
        guard let availableBytes else { return }
        try GridMemory.check(
            "attention flow", patchSize: c.patchSize, rows: rows, columns: columns, workers: workers,
            availableBytes: availableBytes
        ) { bytes(c, rows: $0, columns: $1, blocks: blocks) }
    }
}
