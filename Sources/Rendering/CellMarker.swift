import Pixels

/// A cell of a grid over a frame.
package struct MarkedCell: Sendable, Equatable {
    package let row: Int
    package let column: Int
    /// Where the grid's cells lie on the frame.
    package let placement: MapPlacement

    package init(row: Int, column: Int, placement: MapPlacement) {
        (self.row, self.column, self.placement) = (row, column, placement)
    }

    /// The cell on the same frame, resized by those factors.
    package func scaled(vertically: Double, horizontally: Double) -> MarkedCell {
        MarkedCell(
            row: row, column: column,
            placement: placement.scaled(vertically: vertically, horizontally: horizontally))
    }
}

/// Frames one cell of a grid on pictures of one size, in white between two dark lines, which shows on any ground.
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

    /// - Parameter height: of the pictures in pixels.
    package init(_ cell: MarkedCell, height: Int, width: Int) {
        let line = max(1, Int((Double(min(height, width)) / 400).rounded()))
        func span(_ index: Int, _ cell: Double) -> Range<Int> {
            let center = (Double(index) + 0.5) * cell
            let side = max(Int(cell.rounded()) + 2 * line, Self.smallestSide * line)
            let first = Int((center - Double(side) / 2).rounded())
            return first..<first + side
        }
        (self.height, self.width, self.line) = (height, width, line)
        rows = span(cell.row, cell.placement.cellHeight)
        columns = span(cell.column, cell.placement.cellWidth)
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
