import Base

/// SentencePiece's unigram model: of all ways to cut a text into pieces the one whose scores, log probabilities, have
/// the largest sum. A character that is no piece by itself costs ten more than the rarest piece.
/// https://github.com/google/sentencepiece/blob/master/src/unigram_model.cc (`EncodeOptimized`)
struct Unigram: Sendable {
    /// A piece that text may be cut into.
    struct Piece: Sendable {
        let bytes: [UInt8]
        let id: Int
        let score: Double
    }

    private let pieces: [[UInt8]: Piece]
    private let longest: Int
    private let unknown: Int
    private let unknownScore: Double
    /// The ids of "<0x00>" to "<0xFF>" where unknown characters become bytes.
    private let bytes: [Int]?

    /// - Parameters:
    ///   - lowestScore: of all pieces that count.
    ///   - unknown: the id of what is none of the pieces.
    ///   - bytes: the ids of all 256 bytes where unknown characters become bytes.
    init(_ pieces: [Piece], lowestScore: Double, unknown: Int, bytes: [Int]?) {
        self.pieces = Dictionary(pieces.map { ($0.bytes, $0) }) { first, _ in first }
        longest = pieces.map(\.bytes.count).max() ?? 0
        self.unknown = unknown
        unknownScore = lowestScore - 10
        self.bytes = bytes
    }

    /// A way that ends at some byte.
    private struct Path {
        var score = -Double.infinity
        var start = 0
        /// Nil for an unknown character.
        var id: Int?
    }

    /// Neighbouring unknown characters become one unknown piece.
    ///
    /// - Parameter text: normalized, in UTF-8.
    func ids(of text: [UInt8]) -> [Int] {
        var paths = [Path](repeating: Path(), count: text.count + 1)
        paths[0].score = 0
        var start = 0
        while start < text.count {
            let characterLength = Self.length(ofCharacter: text[start])
            var isKnown = false
            for length in 1...max(1, min(longest, text.count - start)) {
                guard let piece = pieces[Array(text[start..<start + length])] else { continue }
                if length == characterLength { isKnown = true }
                let score = paths[start].score + piece.score
                if score > paths[start + length].score {
                    paths[start + length] = Path(score: score, start: start, id: piece.id)
                }
            }
            let end = min(start + characterLength, text.count)
            let score = paths[start].score + unknownScore
            if !isKnown, score > paths[end].score { paths[end] = Path(score: score, start: start, id: nil) }
            start = end
        }
        var ids: [Int] = []
        var end = text.count
        while end > 0 {
            let path = paths[end]
            if let id = path.id {
                ids.append(id)
            } else if let bytes {
                ids += text[path.start..<end].reversed().map { bytes[Int($0)] }
            } else if ids.last != unknown {
                ids.append(unknown)
            }
            end = path.start
        }
        return ids.reversed()
    }

    private static func length(ofCharacter byte: UInt8) -> Int {
        switch byte {
        case 0xf0...: 4
        case 0xe0...: 3
        case 0xc0...: 2
        default: 1
        }
    }
}
