/// Rows cut into tiles of nearly the same size: one row left over would read all of a layer's weights for itself.
package struct RowTiles: Sequence {
    private let rows: Int
    /// Rows of the largest tile.
    package let most: Int

    /// - Parameter most: rows that a tile may have.
    package init(rows: Int, most: Int) {
        self.rows = rows
        let count = Swift.max(1, (rows + most - 1) / most)
        self.most = (rows + count - 1) / count
    }

    package func makeIterator() -> AnyIterator<(start: Int, count: Int)> {
        var start = 0
        return AnyIterator {
            guard start < rows else { return nil }
            defer { start += most }
            return (start, Swift.min(most, rows - start))
        }
    }
}
