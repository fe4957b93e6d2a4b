/// Rows and columns of patches.
package struct PatchGrid: Sendable, Hashable, CustomStringConvertible {
    package let rows: Int
    package let columns: Int

    package init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
    }

    package var count: Int { rows * columns }

    package var description: String { "\(rows)x\(columns)" }
}
