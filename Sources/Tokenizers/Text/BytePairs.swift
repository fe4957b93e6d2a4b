import Base
import Files

/// Byte pair encoding: of a word's neighbouring pieces those are joined first that come first in the list of merges,
/// from left to right, until no two neighbours are in it.
struct BytePairs: Sendable {
    private struct Pair: Hashable {
        let left: Int
        let right: Int
    }

    private struct Merge {
        let rank: Int
        let piece: Int
    }

    private var merges: [Pair: Merge] = [:]

    /// - Parameters:
    ///   - pairs: the two pieces' bytes, in the list's order.
    ///   - vocabulary: of the pieces and what they become together.
    /// - Throws: `VitvideoError` where the vocabulary does not have them.
    init(_ pairs: [(left: [UInt8], right: [UInt8])], in vocabulary: Vocabulary) throws {
        merges.reserveCapacity(pairs.count)
        for (rank, pair) in pairs.enumerated() {
            guard let left = vocabulary[pair.left], let right = vocabulary[pair.right],
                let piece = vocabulary[pair.left + pair.right]
            else {
                let name = String(decoding: pair.left + [0x20] + pair.right, as: UTF8.self)
                throw VitvideoError.badData("its merge \(quoted(name)) is not of its vocabulary")
            }
            merges[Pair(left: left, right: right)] = Merge(rank: rank, piece: piece)
        }
    }

    /// Lines "left right" in UTF-8; empty lines do not count.
    static func pairs(ofLines lines: some Sequence<ArraySlice<UInt8>>) throws -> [(
        left: [UInt8], right: [UInt8]
    )] {
        try lines.filter { !$0.isEmpty }.map { line in
            let parts = line.split(separator: UInt8(ascii: " "))
            guard parts.count == 2 else {
                throw VitvideoError.badData(
                    "its merge \(quoted(String(decoding: line, as: UTF8.self))) is not of two pieces")
            }
            return (Array(parts[0]), Array(parts[1]))
        }
    }

    func joined(_ word: [Int]) -> [Int] {
        var pieces = word
        // Of each piece with the next.
        var next = pieces.indices.dropLast().map { merges[Pair(left: pieces[$0], right: pieces[$0 + 1])] }
        func merge(_ index: Int) -> Merge? {
            guard pieces.indices.contains(index), pieces.indices.contains(index + 1) else { return nil }
            return merges[Pair(left: pieces[index], right: pieces[index + 1])]
        }
        while true {
            var best: (rank: Int, index: Int)?
            for (index, merge) in next.enumerated() {
                if let merge, merge.rank < best?.rank ?? .max { best = (merge.rank, index) }
            }
            guard let index = best?.index, let piece = next[index]?.piece else { return pieces }
            pieces[index] = piece
            pieces.remove(at: index + 1)
            next.remove(at: index)
            if index < next.count { next[index] = merge(index) }
            if index > 0 { next[index - 1] = merge(index - 1) }
        }
    }
}
