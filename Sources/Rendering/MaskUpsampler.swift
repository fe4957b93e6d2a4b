import Pixels

/// Enlarges masks of one shape from patches to pixels, as `MaskPainter` draws them: in whole patches, the edge going on
/// where the patches end before the picture does. The tables are made once.
package struct MaskUpsampler: Sendable {
    private let vertical: SampleAxis
    private let horizontal: SampleAxis
    private let rows: Int
    private let columns: Int

    /// For masks of `rows × columns` cells on pictures of `height × width` pixels.
    package init(rows: Int, columns: Int, height: Int, width: Int, placement: MapPlacement) {
        (self.rows, self.columns) = (rows, columns)
        vertical = SampleAxis(
            length: height, cells: rows, cellSize: placement.cellHeight, interpolation: .nearest)
        horizontal = SampleAxis(
            length: width, cells: columns, cellSize: placement.cellWidth, interpolation: .nearest)
    }

    /// The mask at the picture's size.
    ///
    /// - Precondition: the mask is `rows × columns`.
    package func callAsFunction(_ mask: IndexMask) -> IndexMask {
        precondition(
            mask.height == rows && mask.width == columns, "the upsampler was made for another shape")
        var indices: [UInt8] = []
        indices.reserveCapacity(vertical.first.count * horizontal.first.count)
        var (line, lineRow) = ([UInt8](), Int32(-1))
        for row in vertical.first {
            if row != lineRow {
                let start = Int(row) * columns
                (line, lineRow) = (horizontal.first.map { mask.indices[start + Int($0)] }, row)
            }
            indices += line
        }
        return IndexMask(
            height: vertical.first.count, width: horizontal.first.count, indices: indices)
    }
}
