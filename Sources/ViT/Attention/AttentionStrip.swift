/// Some rows of one head's attention matrix; it lasts only for the call that it is lent to.
package struct AttentionStrip {
    package let block: Int
    package let head: Int
    /// The token whose attention the first row is.
    package let firstRow: Int
    package let rows: Int
    package let tokens: Int
    /// `rows × tokens`, each row what a token attends to.
    package let values: UnsafeBufferPointer<Float>

    package init(
        block: Int, head: Int, firstRow: Int, rows: Int, tokens: Int, values: UnsafeBufferPointer<Float>
    ) {
        self.block = block
        self.head = head
        self.firstRow = firstRow
        self.rows = rows
        self.tokens = tokens
        self.values = values
    }

    /// Rows of a strip where nothing else is asked for: enough for the matrix products to run at full speed,
    /// few enough for two strips of a large picture to stay in cache.
    package static let usualRows = 64
}

/// Shows the attention matrices that `ForwardStage.queriesKeysValues` stands for, by strips of rows, while
/// the forward pass is at that block: in the order of the blocks, with nothing kept of them.
package final class AttentionStrips {
    private let configuration: Configuration
    private let stripRows: Int
    private var attention: BlockAttention?
    private var strip = FloatBuffer(0)

    /// - Parameter stripRows: rows shown at once.
    package init(configuration: Configuration, stripRows: Int = AttentionStrip.usualRows) {
        precondition(stripRows > 0, "a strip has rows")
        self.configuration = configuration
        self.stripRows = stripRows
    }

    /// Shows one block's attention: strips from the first token on, of each strip all heads in order.
    ///
    /// - Parameter queriesKeysValues: `tokens × 3D`.
    /// - Throws: `ModelError.mathLibraryMissing`, and what the body throws.
    package func show(
        block: Int, queriesKeysValues: UnsafeBufferPointer<Float>,
        _ body: (AttentionStrip) throws -> Void
    ) throws {
        let tokens = queriesKeysValues.count / (3 * configuration.width)
        let attention: BlockAttention
        if let kept = self.attention, kept.tokens == tokens {
            attention = kept
        } else {
            attention = try BlockAttention(configuration: configuration, tokens: tokens)
            strip = FloatBuffer(min(stripRows, tokens) * tokens)
            self.attention = attention
        }
        attention.load(queriesKeysValues: queriesKeysValues)
        try attention.forEachStrip(block: block, stripRows: stripRows, strip: strip, body)
    }
}
