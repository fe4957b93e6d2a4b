import Base
import CZlib

/// Files packed by gzip.
package enum GzipFile {
    /// The whole content. A file that is not packed is given as it is.
    ///
    /// - Parameter limit: as many bytes as it may unpack to.
    /// - Throws: `VitvideoError` where the file cannot be read, is damaged, or is longer than `limit`.
    package static func contents(of path: String, limit: Int) throws -> [UInt8] {
        let file = try MappedFile.open(path)
        return try locating("read", path) {
            try file.withBytes { bytes in
                if bytes.starts(with: [0x1f, 0x8b]) { return try unpacked(bytes, limit: limit) }
                guard bytes.count <= limit else { throw VitvideoError.longerThan(limit) }
                return Array(bytes)
            }
        }
    }

    private static func unpacked(_ packed: UnsafeRawBufferPointer, limit: Int) throws -> [UInt8] {
        var stream = z_stream()
        guard vv_inflate_init(&stream) == Z_OK else {
            throw VitvideoError(.unavailable, reason: "there is no memory for unpacking it")
        }
        defer { inflateEnd(&stream) }
        guard packed.count <= UInt32.max else { throw VitvideoError.longerThan(limit) }
        stream.next_in = UnsafeMutablePointer(
            mutating: packed.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(packed.count)
        var content: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let (status, written) = part.withUnsafeMutableBufferPointer { part in
                stream.next_out = part.baseAddress
                stream.avail_out = UInt32(part.count)
                let status = inflate(&stream, Z_NO_FLUSH)
                return (status, part.count - Int(stream.avail_out))
            }
            content += part.prefix(written)
            guard content.count <= limit else { throw VitvideoError.longerThan(limit) }
            switch status {
            case Z_OK: continue
            case Z_STREAM_END: return content
            default:
                throw VitvideoError.badData(
                    "gzip: the data is cut short or damaged", nextStep: "get the file again")
            }
        }
    }
}
