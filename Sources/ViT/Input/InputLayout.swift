/// Where the model's patch grid lies on a picture.
package struct InputLayout: Sendable, Hashable {
    /// The picture's size after resizing, before cropping to whole patches.
    package let resizedHeight: Int
    package let resizedWidth: Int
    /// The patch grid.
    package let rows: Int
    package let columns: Int
    /// Size of one patch in pixels of the original picture. The grid starts at its top left corner.
    package let cellHeight: Double
    package let cellWidth: Double

    package var patches: Int { rows * columns }

    /// Another grid over the same part of the picture.
    package func divided(rows: Int, columns: Int) -> InputLayout {
        InputLayout(
            resizedHeight: resizedHeight, resizedWidth: resizedWidth, rows: rows, columns: columns,
            cellHeight: cellHeight * Double(self.rows) / Double(rows),
            cellWidth: cellWidth * Double(self.columns) / Double(columns))
    }
}
