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
