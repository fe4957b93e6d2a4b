/// Places of the picture as the cells of a grid.
package struct PlaceGrid: Sendable, Hashable {
    /// Rows of pixels of each row of cells, and columns of each column.
    package let rowRanges: [Range<Int>]
    package let columnRanges: [Range<Int>]
    private let indices: [Place: Int]

    package var rows: Int { rowRanges.count }
    package var columns: Int { columnRanges.count }

    /// - Parameter places: in any order, each as often as it likes; tokens and nothing are passed over.
    /// - Returns: nil where they are no grid: where there are none, cells overlap, or one is missing.
    package init?(_ places: some Sequence<Place>) {
        var (rowRanges, columnRanges) = (Set<Range<Int>>(), Set<Range<Int>>())
        var cells = Set<Place>()
        for place in places {
            guard let pixels = place.pixels, cells.insert(place).inserted else { continue }
            rowRanges.insert(pixels.rows)
            columnRanges.insert(pixels.columns)
        }
        guard !cells.isEmpty, cells.count == rowRanges.count * columnRanges.count else { return nil }
        func ordered(_ ranges: Set<Range<Int>>) -> [Range<Int>]? {
            let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
            let isApart = zip(sorted, sorted.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound }
            return isApart ? sorted : nil
        }
        guard let rows = ordered(rowRanges), let columns = ordered(columnRanges) else { return nil }
        (self.rowRanges, self.columnRanges) = (rows, columns)
        var indices: [Place: Int] = [:]
        for (r, row) in rows.enumerated() {
            for (c, column) in columns.enumerated() {
                indices[Place(rows: row, columns: column)] = r * columns.count + c
            }
        }
        self.indices = indices
    }

    /// The cell of a place, row-major; nil where it is none of them.
    package func index(of place: Place) -> Int? { indices[place] }

    /// The place of a cell.
    package func place(_ index: Int) -> Place {
        Place(rows: rowRanges[index / columns], columns: columnRanges[index % columns])
    }
}
