import Base
import Files

/// A normalization that SentencePiece compiles into its models: a trie of what is replaced, and the replacements.
/// https://github.com/google/sentencepiece/blob/master/src/normalizer.cc
///
/// The trie is Darts's double array: 32-bit units; from a unit at p the byte c leads to p' = p ^ offset ^ c if the
/// unit there has the label c.
struct Charsmap: Sendable {
    private let units: [UInt32]
    /// Replacements in UTF-8, each ended by a zero byte.
    private let replacements: [UInt8]

    /// - Parameter bytes: the trie's length in bytes (32 bits), the trie, the replacements.
    /// - Throws: `VitvideoError` where they are damaged.
    init(_ bytes: [UInt8]) throws {
        (units, replacements) = try bytes.withUnsafeBytes { bytes in
            var cursor = ByteCursor(bytes)
            let length = Int(try cursor.littleEndian(UInt32.self))
            guard length > 0, length % 4 == 0 else {
                throw VitvideoError.badData("its normalization is damaged")
            }
            let trie = try cursor.take(length)
            let units = stride(from: 0, to: length, by: 4).map {
                UInt32(littleEndian: trie.loadUnaligned(fromByteOffset: $0, as: UInt32.self))
            }
            return (units, Array(try cursor.take(cursor.remaining)))
        }
    }

    /// Which of several beginnings of a text counts.
    enum Match {
        case longest, shortest
    }

    /// The replacement of what `text` begins with, and how many bytes that is; nil where it begins with nothing
    /// that is replaced.
    func prefix(of text: some Collection<UInt8>, _ match: Match) -> (replacement: [UInt8], length: Int)? {
        var found: (place: Int, length: Int)?
        var position = Self.offset(units[0])
        for (index, byte) in text.enumerated() {
            if byte == 0 { break }
            position ^= Int(byte)
            guard position < units.count, units[position] & 0x8000_00ff == UInt32(byte) else { break }
            let unit = units[position]
            position ^= Self.offset(unit)
            if unit >> 8 & 1 == 1, position < units.count {
                found = (Int(units[position] & 0x7fff_ffff), index + 1)
                if match == .shortest { break }
            }
        }
        guard let found, found.place < replacements.count else { return nil }
        return (Array(replacements[found.place...].prefix { $0 != 0 }), found.length)
    }

    private static func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 1 << 9) >> 6) }

    // MARK: As Hugging Face's tokenizers apply it

    /// `Precompiled` of tokenizers: a grapheme of fewer than six bytes is looked up as a whole, else each code point,
    /// and of several beginnings the shortest counts.
    func appliedByGrapheme(to text: Scalars) -> Scalars {
        text.text.flatMap { grapheme -> Scalars in
            if grapheme.utf8.count < 6, let (replacement, _) = prefix(of: grapheme.utf8, .shortest) {
                return Scalars(String(decoding: replacement, as: UTF8.self))
            }
            return grapheme.unicodeScalars.flatMap { scalar -> Scalars in
                guard let (replacement, _) = prefix(of: String(scalar).utf8, .shortest) else {
                    return [scalar]
                }
                return Scalars(String(decoding: replacement, as: UTF8.self))
            }
        }
    }
}
