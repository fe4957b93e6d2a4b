/// The buffers of a forward pass, allocated once per number of tokens.
///
/// Memory grows linearly with the tokens: no buffer is tokens × tokens.
final class Scratch {
    let tokens: Int
    /// The residual stream, `tokens × D`.
    let state: UnsafeMutablePointer<Float>
    /// LayerNorm's output, later the heads' joined output, `tokens × D`.
    let normed: UnsafeMutablePointer<Float>
    /// Queries, keys and values, `tokens × 3D`.
    let queryKeyValue: UnsafeMutablePointer<Float>
    /// Attention scores of a tile of queries with all keys, `queryTile × tokens`.
    let scores: UnsafeMutablePointer<Float>
    /// The feed-forward part's hidden values for a tile of rows; SwiGLU's product behind them.
    let hidden: UnsafeMutablePointer<Float>
    /// A tile of a branch's output before it joins the residual stream, `rowTile × D`.
    let branch: UnsafeMutablePointer<Float>

    private let width: Int

    /// Queries handled together: enough to keep the products efficient, few enough that their scores
    /// against every key stay small.
    static let queryTile = 128
    /// Rows handled together in the feed-forward part, so that the hidden values stay in cache.
    static let rowTile = 256

    init(configuration c: Configuration, tokens: Int) {
        self.tokens = tokens
        width = c.width
        let rows = min(tokens, Scratch.rowTile)
        let hiddenValues = c.feedForward == .swiglu ? 3 * c.feedForwardWidth : c.feedForwardWidth
        state = .allocate(capacity: tokens * c.width)
        normed = .allocate(capacity: tokens * c.width)
        queryKeyValue = .allocate(capacity: tokens * 3 * c.width)
        scores = .allocate(capacity: min(tokens, Scratch.queryTile) * tokens)
        hidden = .allocate(capacity: rows * hiddenValues)
        branch = .allocate(capacity: rows * c.width)
    }

    deinit {
        for buffer in [state, normed, queryKeyValue, scores, hidden, branch] { buffer.deallocate() }
    }

    /// The residual stream for reading.
    var stateBuffer: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: state, count: tokens * width) }
}
