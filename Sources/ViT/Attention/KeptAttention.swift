import Base
import CKernels

/// The queries and keys of all blocks of one picture, kept beyond the forward pass: what any token attends to in any
/// block is a row of products away.
///
/// Both are as attention multiplies them: normed and rotated where the model does that.
package struct KeptAttention: Sendable {
    package let rows: Int
    package let columns: Int
    private let configuration: Configuration
    private let positions: AttentionPositions
    /// By block, `2 × tokens × D`: the queries of all tokens, then their keys.
    private let blocks: [[Float]]

    fileprivate init(
        rows: Int, columns: Int, configuration: Configuration, positions: AttentionPositions,
        blocks: [[Float]]
    ) {
        self.rows = rows
        self.columns = columns
        self.configuration = configuration
        self.positions = positions
        self.blocks = blocks
    }

    package var tokens: Int { configuration.specialTokens + rows * columns }

    /// Bytes that the queries and keys of a picture take.
    package static func byteCount(_ configuration: Configuration, rows: Int, columns: Int) -> Int {
        let tokens = configuration.specialTokens + rows * columns
        return configuration.depth * 2 * tokens * configuration.width * MemoryLayout<Float>.stride
    }

    /// The queries of a block, then its keys, `2 × tokens × D`; a token's row has those of all heads side by side.
    ///
    /// - Throws: `VitvideoError.noSuchBlock`.
    package func queriesAndKeys(ofBlock index: Int) throws -> [Float] {
        guard blocks.indices.contains(index) else {
            throw VitvideoError.noSuchBlock(index, depth: configuration.depth)
        }
        return blocks[index]
    }

    /// softmax(qKᵀ/√d) to the patches, shifted by the bias where the model has one.
    ///
    /// - Throws: `VitvideoError.noSuchBlock`, `VitvideoError.notFinite`, `VitvideoError.mathLibraryMissing`,
    ///   `Cancellation.Cancelled`.
    /// - Precondition: there is a token of that index.
    package func attention(from query: AttentionQuery, block: Int) throws -> TokenAttention {
        let pairs = try queriesAndKeys(ofBlock: block)
        let values =
            switch query {
            case .token(let token): try sums(pairs, block: block, queries: token..<token + 1)
            case .meanPatch: try sums(pairs, block: block, queries: configuration.specialTokens..<tokens)
            }
        return TokenAttention(heads: configuration.heads, rows: rows, columns: columns, values: values)
    }

    /// The mean of some tokens' attention to the patches, `heads × patches`.
    private func sums(_ pairs: [Float], block: Int, queries: Range<Int>) throws -> [Float] {
        precondition(queries.lowerBound >= 0 && queries.upperBound <= tokens, "the tokens of the picture")
        let (c, product) = (configuration, try MatrixProduct())
        let bias = positions.bias(ofBlock: block)
        let most = min(AttentionStrip.usualRows, queries.count)
        let (strip, row, sum) = (FloatBuffer(most * tokens), FloatBuffer(tokens), FloatBuffer(tokens))
        return try pairs.withUnsafeBufferPointer { pairs in
            guard let start = pairs.baseAddress else { return [] }
            let keys = start + tokens * c.width
            return try (0..<c.heads).flatMap { head -> [Float] in
                sum.clear()
                for first in stride(from: queries.lowerBound, to: queries.upperBound, by: most) {
                    try Cancellation.check()
                    let count = min(most, queries.upperBound - first)
                    product(
                        strip.start, stride: tokens, start + first * c.width + head * c.headWidth,
                        stride: c.width, keys + head * c.headWidth, stride: c.width, bTransposed: true,
                        m: count, n: tokens, k: c.headWidth)
                    bias?.add(to: strip.start, head: head, firstQuery: first, count: count, row: row)
                    vv_softmax_rows(strip.start, count, tokens, tokens, 1 / Float(c.headWidth).squareRoot())
                    vv_add_column_sums(sum.start, strip.start, count, tokens)
                }
                try FiniteValues.check(
                    UnsafePointer(sum.start), count: tokens, in: "the attention of layer \(block)")
                return (c.specialTokens..<tokens).map { sum.start[$0] / Float(queries.count) }
            }
        }
    }
}

extension ForwardPass {
    /// Runs the model on a picture to the last block, and keeps the queries and keys of all.
    ///
    /// - Parameters:
    ///   - request: what else the pass should give back.
    ///   - progress: told after each block how many are done.
    /// - Throws: as `run`.
    package func keepingAttention(
        _ input: PatchMatrix, _ request: ForwardRequest,
        progress: @escaping (_ blocks: Int) -> Void = { _ in }
    ) throws -> (result: ForwardResult, kept: KeptAttention) {
        let c = model.configuration
        let tokens = c.specialTokens + input.rows * input.columns
        var blocks: [[Float]] = []
        let stages = (0..<c.depth).map { ForwardStage.queriesKeysValues(block: $0) }
        let result = try run(input, request, observing: Set(stages)) { _, _, values in
            guard let from = values.baseAddress else { return }
            blocks.append(
                [Float](unsafeUninitializedCapacity: 2 * tokens * c.width) { to, count in
                    guard let to = to.baseAddress else { return }
                    for token in 0..<tokens {
                        let row = from + token * 3 * c.width
                        (to + token * c.width).initialize(from: row, count: c.width)
                        (to + (tokens + token) * c.width).initialize(from: row + c.width, count: c.width)
                    }
                    count = 2 * tokens * c.width
                })
            progress(blocks.count)
        }
        let kept = KeptAttention(
            rows: input.rows, columns: input.columns, configuration: c,
            positions: model.attentionPositions(rows: input.rows, columns: input.columns), blocks: blocks)
        return (result, kept)
    }
}
