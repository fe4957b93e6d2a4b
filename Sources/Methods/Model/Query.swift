import Base
import ViT

/// Whose attention is looked at.
package enum Query: Sendable, Hashable, CustomStringConvertible {
    case classToken
    /// The query that a model pooled by attention has learned (SigLIP).
    case probe
    /// All patches: the mean over what each attends to.
    case mean
    /// A patch by its place in the grid, from 0.
    case patch(row: Int, column: Int)
    /// The patch under a pixel of the frame, from its top left corner.
    case pixel(x: Int, y: Int)

    /// What is looked at where nobody says: the class token; in a model without one its probe, unless a block is named,
    /// else all patches.
    ///
    /// - Parameter namesBlock: whether a block was asked for.
    package init(standardOf configuration: Configuration, namesBlock: Bool) {
        self =
            if configuration.prefix.hasClassToken {
                .classToken
            } else if configuration.pooling == .attentionProbe && !namesBlock {
                .probe
            } else {
                .mean
            }
    }

    /// Reads `cls`, `probe`, `mean`, `ROW,COL` in patches, or `Xpx,Ypx` in pixels of the frame.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    package init(parsing text: String) throws(VitvideoError) {
        let word = text.lowercased().filter { $0 != " " }
        if let named = [Query.classToken, .probe, .mean].first(where: { $0.description == word }) {
            self = named
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
                    "query '\(text)' is none of cls (the class token), probe, mean, ROW,COL in patches such as 12,20, "
                    + "and Xpx,Ypx in pixels of the frame such as 640px,360px")
        }
        self = isPixel ? .pixel(x: first, y: second) : .patch(row: first, column: second)
    }

    /// The patch meant; nil for anything else. A pixel that the grid's last patches do not reach counts to
    /// them.
    package func cell(on layout: InputLayout) -> (row: Int, column: Int)? {
        switch self {
        case .classToken, .probe, .mean: nil
        case .patch(let row, let column): (row, column)
        case .pixel(let x, let y):
            (
                min(layout.rows - 1, Int((Double(y) + 0.5) / layout.cellHeight)),
                min(layout.columns - 1, Int((Double(x) + 0.5) / layout.cellWidth))
            )
        }
    }

    /// What attends in a block; nil for the probe, which is after the last one.
    package func attending(on layout: InputLayout, specialTokens: Int) -> AttentionQuery? {
        switch self {
        case .classToken: .token(0)
        case .mean: .meanPatch
        case .probe: nil
        case .patch, .pixel:
            cell(on: layout).map { .token(specialTokens + $0.row * layout.columns + $0.column) }
        }
    }

    /// - Throws: `VitvideoError` of kind `usage` for a token that the model does not have.
    package func check(_ model: ProbedModel, namesBlock: Bool) throws(VitvideoError) {
        let c = model.configuration
        switch self {
        case .classToken where !c.prefix.hasClassToken:
            let others = c.pooling == .attentionProbe ? "mean, probe or a patch" : "mean or a patch"
            throw VitvideoError(.usage, reason: "\(model.name) has no class token; its query is \(others)")
        case .probe where c.pooling != .attentionProbe:
            throw VitvideoError(
                .usage,
                reason: "\(model.name) has no probe; only models pooled by attention do, such as SigLIP's")
        case .probe where namesBlock:
            throw VitvideoError(
                .usage,
                reason: "the probe comes after the last layer; a layer's query is "
                    + (c.prefix.hasClassToken ? "cls, mean or a patch" : "mean or a patch"))
        default: break
        }
    }

    /// - Parameters:
    ///   - height: of the frames in pixels.
    ///   - model: what to call the model whose grid it is.
    /// - Throws: `VitvideoError` of kind `usage` for a place outside the grid or the frame.
    package func check(on layout: InputLayout, height: Int, width: Int, model: String) throws(VitvideoError) {
        switch self {
        case .classToken, .probe, .mean: return
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

    /// What a caption says of it beside the layer: "mean query"; nil for the class token, and for a patch, which is marked.
    package var caption: String? {
        switch self {
        case .probe: "pooling probe"
        case .mean: "mean query"
        case .classToken, .patch, .pixel: nil
        }
    }

    /// In the middle of a sentence: "the class token".
    package var phrase: String {
        switch self {
        case .classToken: "the class token"
        case .probe: "the pooling probe"
        case .mean: "a patch, mean over all,"
        case .patch, .pixel: "the patch at \(self)"
        }
    }

    /// As `init(parsing:)` reads it.
    package var description: String {
        switch self {
        case .classToken: "cls"
        case .probe: "probe"
        case .mean: "mean"
        case .patch(let row, let column): "\(row),\(column)"
        case .pixel(let x, let y): "\(x)px,\(y)px"
        }
    }
}
