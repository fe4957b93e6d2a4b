import Base

/// Rows of comma-separated text (RFC 4180): fields may stand in double quotes, a quote within them is doubled. Empty
/// lines are left out.
enum CSVRows {
    struct Row: Equatable {
        /// The line that the row begins on, from 1.
        let line: Int
        let fields: [String]
    }

    /// - Throws: `VitvideoError` of kind `badData` for a quote that is not closed.
    static func rows(of text: String) throws -> [Row] {
        // By scalars: a line's end may be two of them, which Swift takes for one character.
        let scalars = Array(text.unicodeScalars.drop { $0 == "\u{FEFF}" })
        var rows: [Row] = []
        var (fields, field) = ([String](), String.UnicodeScalarView())
        var (line, start, index) = (1, 1, 0)
        func endRow() {
            fields.append(String(field))
            if fields != [""] {
                rows.append(Row(line: start, fields: fields.map { trimmed($0) }))
            }
            (fields, field) = ([], String.UnicodeScalarView())
        }
        while index < scalars.count {
            let scalar = scalars[index]
            index += 1
            switch scalar {
            case "\"" where field.allSatisfy { $0 == " " }:
                field = String.UnicodeScalarView()
                let opened = line
                while true {
                    guard index < scalars.count else {
                        throw VitvideoError(
                            .badData, reason: "line \(opened): a quotation mark is not closed")
                    }
                    let quoted = scalars[index]
                    index += 1
                    if quoted == "\"" {
                        guard index < scalars.count, scalars[index] == "\"" else { break }
                        index += 1
                    }
                    if quoted == "\n" { line += 1 }
                    field.append(quoted)
                }
            case ",":
                fields.append(String(field))
                field = String.UnicodeScalarView()
            case "\n":
                endRow()
                line += 1
                start = line
            case "\r": break
            default: field.append(scalar)
            }
        }
        endRow()
        return rows
    }

    private static func trimmed(_ text: String) -> String {
        func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" }
        let scalars = text.unicodeScalars.drop(while: isSpace)
        let end = scalars.lastIndex { !isSpace($0) }.map { scalars.index(after: $0) } ?? scalars.startIndex
        return String(String.UnicodeScalarView(scalars[..<end]))
    }
}
