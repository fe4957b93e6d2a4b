import Base
import ViT

extension Range<Int> {
    /// Of blocks: "layer 11", "layers 9 to 11".
    var layerCaption: String {
        count == 1 ? "layer \(lowerBound)" : "layers \(lowerBound) to \(upperBound - 1)"
    }
}

/// Consecutive blocks of a model as the command line names them, before the model's depth is known.
///
/// Written as a slice in Python: `A:B` without B, `A:`, `:B`, or one block `N`; negative numbers count from the end.
/// Unlike in Python numbers outside the model are an error.
package struct BlockRange: Sendable, Hashable, CustomStringConvertible {
    private enum Form: Sendable, Hashable {
        case one(Int)
        /// Nil stands for the model's own first block, and for its end.
        case slice(from: Int?, to: Int?)
    }

    private let form: Form

    /// The last blocks of a model; all of one that has fewer.
    ///
    /// - Returns: indices from 0.
    package static func last(_ count: Int, of depth: Int) -> Range<Int> { max(0, depth - count)..<depth }

    /// Reads `A:B`, `A:`, `:B`, `:` or `N`.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    package init(parsing text: String) throws(VitvideoError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map {
            $0.filter { $0 != " " }
        }
        let numbers = parts.map { Int($0) }
        let areRead = zip(parts, numbers).allSatisfy { $0.isEmpty || $1 != nil }
        switch (numbers.count, areRead) {
        case (1, true):
            guard let number = numbers[0] else { break }
            form = .one(number)
            return
        case (2, true):
            form = .slice(from: numbers[0], to: numbers[1])
            return
        default: break
        }
        throw VitvideoError(
            .usage,
            reason:
                "'\(text)' names no layers; write A:B without B, A:, :B or one number, negative from the end, such as "
                + "-3: for the last three")
    }

    /// The blocks meant.
    ///
    /// - Returns: indices from 0, not empty.
    /// - Throws: `VitvideoError` of kind `usage` for a number outside the model, and where nothing lies between the two.
    package func indices(depth: Int) throws(VitvideoError) -> Range<Int> {
        switch form {
        case .one(let number):
            let index = try blockIndex(number, depth: depth)
            return index..<index + 1
        case .slice(let from, let to):
            // An end may be the model's: block `depth` is the first that there is not.
            for number in [from, to].compactMap({ $0 }) where !(-depth...depth).contains(number) {
                throw VitvideoError.noSuchBlock(number, depth: depth)
            }
            let first = from.map { $0 < 0 ? $0 + depth : $0 } ?? 0
            let end = to.map { $0 < 0 ? $0 + depth : $0 } ?? depth
            guard first < end else {
                throw VitvideoError(
                    .usage,
                    reason:
                        "there is no layer in '\(self)': of the layers 0 to \(depth - 1) it begins at \(first) and ends "
                        + "before \(end)")
            }
            return first..<end
        }
    }

    /// As `init(parsing:)` reads it.
    package var description: String {
        switch form {
        case .one(let number): "\(number)"
        case .slice(let from, let to): "\(from.map(String.init) ?? ""):\(to.map(String.init) ?? "")"
        }
    }
}
