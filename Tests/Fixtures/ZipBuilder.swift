/// Makes zip archives byte by byte, so that tests can lie in any field. Entries are stored; what is given as
/// deflated is taken as already packed. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
package struct ZipBuilder {
    private var body: [UInt8] = []
    private var directory: [UInt8] = []
    private var count = 0

    package init() {}

    /// - Parameters:
    ///   - declaredSize: the unpacked size to declare, if not the true one.
    ///   - method: 0 stored, 8 deflated.
    package mutating func add(
        _ name: String, _ data: [UInt8], declaredSize: Int? = nil, method: UInt16 = 0, checksum: UInt32? = nil
    ) {
        let offset = body.count
        let fields =
            Self.bytes(UInt16(20), UInt16(0), method, UInt16(0), UInt16(0x21))
            + Self.bytes(
                checksum ?? Self.checksum(data), UInt32(data.count), UInt32(declaredSize ?? data.count))
            + Self.bytes(UInt16(name.utf8.count), UInt16(0))
        body += [0x50, 0x4b, 3, 4] + fields + Array(name.utf8) + data
        directory += [0x50, 0x4b, 1, 2, 20, 0] + fields + [UInt8](repeating: 0, count: 10)
        directory += Self.bytes(UInt32(offset)) + Array(name.utf8)
        count += 1
    }

    package func archive() -> [UInt8] {
        body + directory + [0x50, 0x4b, 5, 6, 0, 0, 0, 0] + Self.bytes(UInt16(count), UInt16(count))
            + Self.bytes(UInt32(directory.count), UInt32(body.count)) + [0, 0]
    }

    package static func bytes<Integer: FixedWidthInteger>(_ values: Integer...) -> [UInt8] {
        values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    }

    /// CRC-32 as zip uses it.
    static func checksum(_ data: [UInt8]) -> UInt32 {
        var crc = ~UInt32(0)
        table.withUnsafeBufferPointer { table in
            data.withUnsafeBufferPointer { data in
                for byte in data { crc = crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
            }
        }
        return ~crc
    }

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1 == 0 ? 0 : 0xedb8_8320) }
    }
}
