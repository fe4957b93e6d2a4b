import Pixels

/// Frames one cell of a map on pictures of one size, in white between two dark lines, which shows on any ground.
package struct CellMarker: Sendable, Equatable {
    private let height: Int
    private let width: Int
    /// The outer dark line's rectangle in pixels of the picture; it may reach beyond the picture.
    private let rows: Range<Int>
    private let columns: Range<Int>
    /// Thickness of each of the three lines in pixels.
    private let line: Int

    /// Smallest side of the rectangle in lines, so that the mark is found on small tiles.
    private static let smallestSide = 11

    /// - Parameters:
    ///   - row: of the cell in the map.
    ///   - height: of the pictures in pixels.
    ///   - placement: where the map lies on them.
    package init(row: Int, column: Int, height: Int, width: Int, placement: MapPlacement) {
        let line = max(1, Int((Double(min(height, width)) / 400).rounded()))
        func span(_ index: Int, _ cell: Double) -> Range<Int> {
            let center = (Double(index) + 0.5) * cell
            let side = max(Int(cell.rounded()) + 2 * line, Self.smallestSide * line)
            let first = Int((center - Double(side) / 2).rounded())
            return first..<first + side
        }
        (self.height, self.width, self.line) = (height, width, line)
        rows = span(row, placement.cellHeight)
        columns = span(column, placement.cellWidth)
    }

    /// - Parameters:
    ///   - top: where the marked picture begins in `image`, in rows.
    ///   - left: likewise, in columns.
    package func paint(on image: inout RGBImage, top: Int = 0, left: Int = 0) {
        for y in rows.clamped(to: 0..<height) {
            for x in columns.clamped(to: 0..<width) {
                let depth = min(
                    y - rows.lowerBound, rows.upperBound - 1 - y, x - columns.lowerBound,
                    columns.upperBound - 1 - x)
                guard depth < 3 * line else { continue }
                let level: UInt8 = depth / line == 1 ? 255 : 0
                image[top + y, left + x] = (level, level, level)
            }
        }
    }
}
