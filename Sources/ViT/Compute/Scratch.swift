import CKernels

/// The buffers of a forward pass, allocated once per number of tokens.
///
/// Memory grows linearly with the tokens, unless a whole attention matrix is asked for.
final class Scratch {
    let tokens: Int
    /// The residual stream, `tokens × D`.
    let state: UnsafeMutablePointer<Float>
    /// LayerNorm's output, later the heads' joined output, `tokens × D`.
    let normed: UnsafeMutablePointer<Float>
    /// Queries, keys and values, `tokens × 3D`.
    let queryKeyValue: UnsafeMutablePointer<Float>
    /// One head's keys and values as the attention kernel wants them, and its working space.
    let packedKeys: UnsafeMutablePointer<Float>
    let packedValues: UnsafeMutablePointer<Float>
    let attention: UnsafeMutablePointer<Float>
    /// The feed-forward part's hidden values for a tile of rows; SwiGLU's product behind them.
    let hidden: UnsafeMutablePointer<Float>
    /// A tile of a branch's output before it joins the residual stream, `rowTile × D`.
    let branch: UnsafeMutablePointer<Float>

    private let width: Int
    private var matrix: UnsafeMutablePointer<Float>?

    /// Rows handled together in the feed-forward part, so that the hidden values stay in cache.
    static let rowTile = 256

    init(configuration c: Configuration, tokens: Int) {
        self.tokens = tokens
        width = c.width
        let rows = min(tokens, Scratch.rowTile)
        let hiddenValues = c.feedForward == .swiglu ? 3 * c.feedForwardWidth : c.feedForwardWidth
        state = Scratch.buffer(tokens * c.width)
        normed = Scratch.buffer(tokens * c.width)
        queryKeyValue = Scratch.buffer(tokens * 3 * c.width)
        let packed = vv_attention_packed_count(tokens, c.headWidth)
        packedKeys = Scratch.buffer(packed)
        packedValues = Scratch.buffer(packed)
        attention = Scratch.buffer(vv_attention_scratch_count(c.headWidth))
        hidden = Scratch.buffer(rows * hiddenValues)
        branch = Scratch.buffer(rows * c.width)
    }

    deinit {
        for buffer in [state, normed, queryKeyValue, packedKeys, packedValues, attention, hidden, branch] {
            buffer.deallocate()
        }
        matrix?.deallocate()
    }

    /// Aligned to whole cache lines, which the widest vectors fill.
    private static func buffer(_ count: Int) -> UnsafeMutablePointer<Float> {
        UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<Float>.stride, alignment: 64)
            .bindMemory(to: Float.self, capacity: count)
    }

    /// Room for one head's `tokens × tokens` matrix, made when first asked for.
    func attentionMatrix() -> UnsafeMutablePointer<Float> {
        if let matrix { return matrix }
        let made = Scratch.buffer(tokens * tokens)
        matrix = made
        return made
    }

    /// Queries, keys and values for reading.
    var queryKeyValueBuffer: UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: queryKeyValue, count: tokens * 3 * width)
    }

    /// The residual stream for reading.
    var stateBuffer: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: state, count: tokens * width) }
}
