import Base
import ViT

/// The token whose attention is looked at.
package enum Query: Sendable, Hashable, CustomStringConvertible {
    case classToken
    /// A patch by its place in the grid, from 0.
    case patch(row: Int, column: Int)
    /// The patch under a pixel of the frame, from its top left corner.
    case pixel(x: Int, y: Int)

    /// Reads `cls`, `ROW,COL` in patches, or `Xpx,Ypx` in pixels of the frame.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    package init(parsing text: String) throws(VitvideoError) {
        let word = text.lowercased().filter { $0 != " " }
        if word == "cls" {
            self = .classToken
            return
        }
        // The unit of the last number holds for both.
        let isPixel = word.hasSuffix("px")
        let numbers = word.split(separator: ",", omittingEmptySubsequences: false).map {
            Int(isPixel && $0.hasSuffix("px") ? $0.dropLast(2) : $0)
        }
        guard numbers.count == 2, let first = numbers[0], let second = numbers[1], min(first, second) >= 0
        else {
            throw VitvideoError(
                .usage,
                reason:
                    "query '\(text)' is none of cls (the class token), ROW,COL in patches such as 12,20, and "
                    + "Xpx,Ypx in pixels of the frame such as 640px,360px")
        }
        self = isPixel ? .pixel(x: first, y: second) : .patch(row: first, column: second)
    }

    /// The patch meant; nil for the class token. A pixel that the grid's last patches do not reach counts to
    /// them.
    package func cell(on layout: InputLayout) -> (row: Int, column: Int)? {
        switch self {
        case .classToken: nil
        case .patch(let row, let column): (row, column)
        case .pixel(let x, let y):
            (
                min(layout.rows - 1, Int((Double(y) + 0.5) / layout.cellHeight)),
                min(layout.columns - 1, Int((Double(x) + 0.5) / layout.cellWidth))
            )
        }
    }

    /// The token's index.
    package func token(on layout: InputLayout, specialTokens: Int) -> Int {
        guard let cell = cell(on: layout) else { return 0 }
        return specialTokens + cell.row * layout.columns + cell.column
    }

    /// - Parameters:
    ///   - height: of the frames in pixels.
    ///   - model: what to call the model whose grid it is.
    /// - Throws: `VitvideoError` of kind `usage` for a place outside the grid or the frame.
    package func check(on layout: InputLayout, height: Int, width: Int, model: String) throws(VitvideoError) {
        switch self {
        case .classToken: return
        case .patch(let row, let column):
            guard row >= layout.rows || column >= layout.columns else { return }
            throw VitvideoError(
                .usage,
                reason:
                    "there is no patch \(self): \(model) sees \(layout.rows) rows by \(layout.columns) columns of "
                    + "patches, counted from 0")
        case .pixel(let x, let y):
            guard x >= width || y >= height else { return }
            throw VitvideoError(
                .usage, reason: "there is no pixel \(self): the frames are \(width)×\(height)")
        }
    }

    /// As `init(parsing:)` reads it.
    package var description: String {
        switch self {
        case .classToken: "cls"
        case .patch(let row, let column): "\(row),\(column)"
        case .pixel(let x, let y): "\(x)px,\(y)px"
        }
    }
}
