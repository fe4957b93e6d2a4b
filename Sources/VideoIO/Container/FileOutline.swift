import Files
import Glibc

/// The outermost parts of a file, walked by their lengths without reading what they hold.
///
/// FFmpeg's demuxers for these formats pass over what does not fit in silence.
enum FileOutline {
    /// What is wrong with a file, in words for a warning; nil where nothing is seen.
    /// - Parameter format: FFmpeg's name of the container.
    static func fault(in path: String, format: String) -> String? {
        guard let file = ReadableFile(path), let length = file.byteCount else {
            return nil
        }
        var parts = Parts(file: file, length: UInt64(length))
        if format.hasPrefix("mov,") { return parts.faultOfMP4() }
        switch format {
        case "flv": return parts.faultOfFLV()
        case "asf": return parts.faultOfASF()
        case "matroska,webm": return parts.faultOfMatroska()
        default: return nil
        }
    }

    private struct Parts {
        let file: ReadableFile
        let length: UInt64
        private var position: UInt64 = 0

        init(file: ReadableFile, length: UInt64) { (self.file, self.length) = (file, length) }

        private func read(_ count: Int) -> [UInt8]? {
            guard let position = Int(exactly: position), let bytes = try? file.read(count, at: position),
                bytes.count == count
            else { return nil }
            return bytes
        }

        private func anotherFile() -> String {
            "another file begins at byte \(position), which FFmpeg does not read"
        }

        /// Boxes of ISO/IEC 14496-12. The samples of a file without fragments are counted by its table, so that its
        /// last box need not be looked at.
        mutating func faultOfMP4() -> String? {
            let known = Set([
                "ftyp", "styp", "pdin", "moov", "moof", "mdat", "mfra", "sidx", "free", "skip", "wide",
                "meta", "uuid",
                "emsg", "prft",
            ])
            var isFragmented = false
            while let head = read(8) {
                let type = String(decoding: head[4...], as: UTF8.self)
                var size = number(head[..<4])
                if size == 1 {
                    guard let wide = read(16) else { return nil }
                    size = number(wide[8...])
                }
                if type == "ftyp", position > 0 { return anotherFile() }
                if type == "moof" { isFragmented = true }
                guard size >= 8, known.contains(type) else { return nil }
                let (end, overflows) = position.addingReportingOverflow(size)
                if overflows || end > length { return isFragmented ? "its last fragment is cut short" : nil }
                position = end
            }
            return nil
        }

        /// Tags of Adobe's FLV specification: type, length, time, stream; after each the length again.
        mutating func faultOfFLV() -> String? {
            position = 13
            while let head = read(11) {
                if Array(head[..<4]) == Array("FLV\u{1}".utf8) { return anotherFile() }
                guard [8, 9, 18].contains(head[0] & 0x1f) else { return nil }
                position += 11 + number(head[1..<4]) + 4
            }
            return nil
        }

        /// Objects of Microsoft's Advanced Systems Format: an identifier of 16 bytes and a length, little-endian.
        mutating func faultOfASF() -> String? {
            let header: [UInt8] = [
                0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11, 0xa6, 0xd9, 0x00, 0xaa, 0x00, 0x62, 0xce,
                0x6c,
            ]
            let data = [0x36] + header.dropFirst()
            while let head = read(24) {
                let identifier = Array(head[..<16])
                if position > 0, identifier == header { return anotherFile() }
                let size = number(head[16...].reversed()[...])
                guard size >= 24 else { return nil }
                guard length - position >= size else {
                    return identifier == data && size < 1 << 62 ? "its end is missing" : nil
                }
                position += size
            }
            return nil
        }

        /// Elements of EBML (RFC 8794): an identifier, a length of one to eight bytes, and content. Of files joined
        /// FFmpeg reads two.
        mutating func faultOfMatroska() -> String? {
            var headers = 0
            while let head = read(12) {
                let isHeader = Array(head[..<4]) == [0x1a, 0x45, 0xdf, 0xa3]
                if isHeader {
                    headers += 1
                    if headers > 2 { return anotherFile() }
                }
                let marker = head[4].leadingZeroBitCount
                guard marker < 8, isHeader || Array(head[..<4]) == [0x18, 0x53, 0x80, 0x67] else {
                    return nil
                }
                let coded = number(head[4...(4 + marker)])
                let size = coded & ((1 << (7 * UInt64(marker + 1))) - 1)
                // A segment that was recorded live has no length: all bits are set.
                guard size < (1 << (7 * UInt64(marker + 1))) - 1, length - position >= size else {
                    return nil
                }
                position += 5 + UInt64(marker) + size
            }
            return nil
        }

        /// A big-endian number.
        private func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
            bytes.reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}
