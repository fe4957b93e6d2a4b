import FoundationEssentials

/// The blocks of a GIF file, walked without decoding.
///
/// FFmpeg's demuxer looks for something that could be a block where one is broken, and so may pass over most
/// of a file in silence. https://www.w3.org/Graphics/GIF/spec-gif89a.txt
struct GIFStructure {
    private var bytes: Data
    private var position = 0

    /// Position of the first byte that is no block; nil where the blocks reach the trailer and only zeros
    /// follow it.
    static func firstFault(in bytes: Data) -> Int? {
        var structure = GIFStructure(bytes: bytes)
        return structure.reachesTrailer() ? nil : structure.position
    }

    private mutating func reachesTrailer() -> Bool {
        // Signature and logical screen descriptor, the global color table after it.
        guard let flags = byte(at: 10), skip(13 + colorTable(flags)) else { return false }
        while let label = byte(at: position) {
            switch label {
            case 0x21: guard skip(2), skipSubBlocks() else { return false }
            case 0x2c:
                // An image: descriptor, local color table, code size, data.
                guard let flags = byte(at: position + 9), skip(10 + colorTable(flags) + 1), skipSubBlocks()
                else { return false }
            case 0x3b: return bytes[(bytes.startIndex + position + 1)...].allSatisfy { $0 == 0 }
            default: return false
            }
        }
        return false
    }

    /// Length of the color table that a descriptor's flags announce.
    private func colorTable(_ flags: UInt8) -> Int { flags & 0x80 == 0 ? 0 : 3 << (Int(flags & 7) + 1) }

    /// Skips sub-blocks, a length and that many bytes each, through the one of length 0.
    private mutating func skipSubBlocks() -> Bool {
        while let length = byte(at: position) {
            guard skip(1 + Int(length)) else { return false }
            if length == 0 { return true }
        }
        return false
    }

    private func byte(at offset: Int) -> UInt8? {
        offset < bytes.count ? bytes[bytes.startIndex + offset] : nil
    }

    private mutating func skip(_ count: Int) -> Bool {
        guard count <= bytes.count - position else { return false }
        position += count
        return true
    }
}
