import Base

/// Changes files at random, in the ways that parsers trip over: bits, lengths, digits, missing and doubled parts.
package struct Mutator {
    private let corpus: [[UInt8]]
    private var random: SplitMix64

    /// Longer inputs would only slow the search down.
    private static let longest = 1 << 16
    private static let lengths: [UInt64] = [
        0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, 1 << 40,
        0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, .max, .max - 7,
    ]
    private static let numerals = [
        "0", "-1", "4294967296", "9223372036854775807", "18446744073709551616", "1e9",
    ]

    package init(corpus: [[UInt8]], seed: UInt64) {
        self.corpus = corpus
        random = SplitMix64(seed: seed)
    }

    /// One of the files with up to six changes.
    package mutating func next() -> [UInt8] {
        var bytes = corpus[below(corpus.count)]
        for _ in 0...below(6) { change(&bytes) }
        if bytes.count > Self.longest { bytes.removeLast(bytes.count - Self.longest) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else {
            bytes = corpus[below(corpus.count)]
            return
        }
        let place = below(bytes.count)
        let part = place..<min(place + 1 + below(64), bytes.count)
        switch below(9) {
        case 0: bytes[place] ^= 1 << UInt8(below(8))
        case 1: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 2: overwrite(&bytes, at: place)
        case 3: bytes.removeSubrange(part)
        case 4: bytes.insert(contentsOf: Array(bytes[part]), at: below(bytes.count))
        case 5:
            bytes.insert(contentsOf: part.map { _ in UInt8(truncatingIfNeeded: random.next()) }, at: place)
        case 6:
            let other = corpus[below(corpus.count)]
            let start = below(other.count)
            bytes.replaceSubrange(part, with: other[start..<min(start + part.count, other.count)])
        case 7: replaceNumeral(&bytes, from: place)
        default: if below(8) == 0 { bytes.removeSubrange(place...) }
        }
    }

    /// A length of 1, 2, 4 or 8 bytes, little-endian.
    private mutating func overwrite(_ bytes: inout [UInt8], at place: Int) {
        let value = Self.lengths[below(Self.lengths.count)]
        for offset in 0..<min(1 << below(4), bytes.count - place) {
            bytes[place + offset] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(offset)))
        }
    }

    /// The first decimal number from `place` on.
    private mutating func replaceNumeral(_ bytes: inout [UInt8], from place: Int) {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard let start = bytes[place...].firstIndex(where: digits.contains) else { return }
        let end = bytes[start...].firstIndex { !digits.contains($0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: Self.numerals[below(Self.numerals.count)].utf8)
    }

    private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
}
