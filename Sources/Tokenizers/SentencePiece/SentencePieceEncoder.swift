import Base
import Files

/// A SentencePiece model as transformers' `SiglipTokenizer` uses it: "▁" before the text, which is normalized as what
/// follows other text, so that no more spaces are put before it.
struct SentencePieceEncoder: TextEncoder {
    private let charsmap: Charsmap?
    private let removesExtraSpaces: Bool
    /// Pieces that are taken as they are wherever they stand, the longest first.
    private let userDefined: [[UInt8]]
    private let unigram: Unigram

    init(_ file: SentencePieceFile) throws {
        charsmap = file.charsmap.isEmpty ? nil : try Charsmap(file.charsmap)
        removesExtraSpaces = file.removesExtraSpaces
        let pieces = file.pieces.enumerated()
        let normal = pieces.filter { $0.element.kind == .normal }
        let scores = normal.map { Double($0.element.score) }
        let special = pieces.filter { $0.element.kind == .userDefined }
        userDefined = special.map(\.element.text).sorted { $0.count > $1.count }
        guard let unknown = pieces.first(where: { $0.element.kind == .unknown })?.offset else {
            throw VitvideoError.badData("it has no piece for unknown characters")
        }
        var bytes: [Int]?
        if file.hasByteFallback {
            let found = pieces.filter { $0.element.kind == .byte }.map(\.offset)
            guard found.count == 256 else { throw VitvideoError.badData("it has no pieces for all bytes") }
            bytes = found
        }
        // SentencePiece's maximum begins at 0, which no log probability is above.
        let largest = max(scores.max() ?? 0, 0)
        unigram = Unigram(
            normal.map {
                Unigram.Piece(bytes: $0.element.text, id: $0.offset, score: Double($0.element.score))
            }
                + special.map {
                    // They come before all ways through other pieces.
                    Unigram.Piece(
                        bytes: $0.element.text, id: $0.offset,
                        score: Double($0.element.text.count) * largest - 0.1)
                },
            lowestScore: scores.min() ?? 0, unknown: unknown, bytes: bytes)
    }

    func ids(of text: Scalars) -> [Int] {
        // The mark is no space: spaces after it are kept, as one.
        unigram.ids(of: normalized(Canonical.text(["▁"] + text.replacing(["▁"], by: [" "])).utf8))
    }

    /// `Normalizer::Normalize` of SentencePiece, of what follows other text.
    private func normalized(_ text: [UInt8]) -> [UInt8] {
        let (blank, space) = (UInt8(ascii: " "), Array("▁".utf8))
        var result: [UInt8] = []
        var followsSpace = false
        var rest = text[...]
        while let first = rest.first {
            var part: [UInt8]
            if let piece = userDefined.first(where: { rest.starts(with: $0) }) {
                part = piece
                rest = rest.dropFirst(piece.count)
            } else if let (replacement, length) = charsmap?.prefix(of: rest, .longest) {
                part = replacement
                rest = rest.dropFirst(length)
            } else {
                part = [first] + rest.dropFirst().prefix { $0 & 0xc0 == 0x80 }
                rest = rest.dropFirst(part.count)
            }
            if followsSpace { part = Array(part.drop { $0 == blank }) }
            guard let last = part.last else { continue }
            for byte in part {
                if byte == blank { result += space } else { result.append(byte) }
            }
            followsSpace = removesExtraSpaces && last == blank
        }
        while removesExtraSpaces, result.count >= space.count, result.suffix(space.count).elementsEqual(space)
        {
            result.removeLast(space.count)
        }
        return result
    }
}

/// What `SiglipTokenizer` makes of a text before anything else: lower case, no ASCII punctuation, single spaces.
enum Canonical {
    static func text(_ text: Scalars) -> Scalars {
        text.lowercasedAsInPython.filter { !isPunctuation($0) }.replacingRuns(of: \.isPythonSpace)
            .trimmed(\.isPythonSpace)
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e: true
        default: false
        }
    }
}
