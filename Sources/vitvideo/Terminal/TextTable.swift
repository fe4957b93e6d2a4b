import Base

/// Rows of text in aligned columns, with a line of titles.
struct TextTable {
    struct Column {
        let title: String
        /// Whether the texts end in line, as those of numbers should.
        var isNumber = false
    }

    let columns: [Column]
    /// Each as long as `columns`.
    var rows: [[String]] = []

    /// The lines, two spaces between columns, none at a line's end.
    var lines: [String] {
        let table = [columns.map(\.title)] + rows
        let widths = columns.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
        return table.map { row in
            let cells = row.indices.map { column in
                row[column].padded(to: widths[column], atStart: columns[column].isNumber)
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
