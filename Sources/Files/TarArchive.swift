import Base

/// The regular files in a tar archive whose bytes are at hand: POSIX's ustar, with the long names of GNU tar and of pax.
///
/// Nothing is unpacked to disk. https://www.gnu.org/software/tar/manual/html_node/Standard.html
package struct TarArchive: Sendable {
    package struct Entry: Sendable, Equatable {
        /// As in the archive, with its folders.
        package let name: String
        /// Where in the archive its content lies.
        package let bytes: Range<Int>
    }

    /// In the archive's order.
    package let entries: [Entry]

    private static let blockByteCount = 512
    /// Bytes of a pax header, which names one file.
    private static let longestHeader = 1 << 16

    /// Whether bytes begin as a tar archive does.
    package static func looksLikeOne(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= blockByteCount && bytes[257..<262].elementsEqual("ustar".utf8)
    }

    /// - Throws: `VitvideoError` of kind `badData` where a header is damaged or the archive is cut short.
    package init(_ bytes: UnsafeRawBufferPointer) throws {
        var entries: [Entry] = []
        var position = 0
        // What a header before the file's own says.
        var longName: String?
        var longSize: Int?
        while bytes.count - position >= Self.blockByteCount {
            let block = UnsafeRawBufferPointer(
                rebasing: bytes[position..<(position + Self.blockByteCount)])
            // Two blocks of zeros are the end; one will do.
            if block.allSatisfy({ $0 == 0 }) { break }
            let header = try Header(block)
            let start = position + Self.blockByteCount
            let size = header.isExtension ? header.size : longSize ?? header.size
            guard size <= bytes.count - start else {
                throw VitvideoError.badData("tar: it is cut short", nextStep: "get the file again")
            }
            let content = start..<(start + size)
            switch header.kind {
            case UInt8(ascii: "L"):
                longName = FileName.text(of: bytes[content].prefix { $0 != 0 })
            case UInt8(ascii: "x"):
                guard size <= Self.longestHeader else {
                    throw VitvideoError.badData("tar: a header is \(size) bytes long")
                }
                for (key, value) in try Self.records(UnsafeRawBufferPointer(rebasing: bytes[content])) {
                    if key == "path" { longName = value }
                    if key == "size" { longSize = Int(value).flatMap { $0 >= 0 ? $0 : nil } }
                }
            case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
                entries.append(Entry(name: longName ?? header.name, bytes: content))
                (longName, longSize) = (nil, nil)
            default: if !header.isExtension { (longName, longSize) = (nil, nil) }
            }
            // Contents are padded to whole blocks; the last one's padding may be missing.
            let padding = (Self.blockByteCount - size % Self.blockByteCount) % Self.blockByteCount
            position = min(content.upperBound + padding, bytes.count)
        }
        self.entries = entries
    }

    /// The records of a pax header, each `LENGTH KEY=VALUE\n`.
    private static func records(_ bytes: UnsafeRawBufferPointer) throws -> [(key: String, value: String)] {
        var records: [(key: String, value: String)] = []
        var cursor = ByteCursor(bytes)
        while cursor.remaining > 0 {
            let start = cursor.position
            var digits = ""
            while let byte = cursor.next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                digits.unicodeScalars.append(Unicode.Scalar(byte))
                cursor.skip()
            }
            guard let length = Int(digits), cursor.next == UInt8(ascii: " "),
                length > cursor.position - start + 1, length <= bytes.count - start
            else { throw VitvideoError.badData("tar: a header is damaged") }
            cursor.skip()
            let record = try cursor.take(length - (cursor.position - start))
            guard record.last == UInt8(ascii: "\n"), let sign = record.firstIndex(of: UInt8(ascii: "="))
            else {
                throw VitvideoError.badData("tar: a header is damaged")
            }
            let value = record[(sign + 1)..<(record.count - 1)]
            records.append(
                (String(decoding: record[..<sign], as: UTF8.self), FileName.text(of: value)))
        }
        return records
    }
}

/// The block before a file's content.
private struct Header {
    let name: String
    let size: Int
    let kind: UInt8

    /// Whether it is about the next file, or about all.
    var isExtension: Bool { "LKxg".utf8.contains(kind) }

    /// - Parameter block: 512 bytes.
    init(_ block: UnsafeRawBufferPointer) throws {
        // The sum of all bytes, those of the sum itself counted as spaces.
        let sum = block.enumerated().reduce(0) {
            $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element))
        }
        guard try Self.number(block[148..<156]) == sum else {
            throw VitvideoError.badData("tar: a header is damaged", nextStep: "get the file again")
        }
        size = try Self.number(block[124..<136])
        kind = block[156]
        func text(_ place: Range<Int>) -> String { FileName.text(of: block[place].prefix { $0 != 0 }) }
        // GNU tar has times where POSIX's has the folders.
        let isPOSIX = block[257..<263].elementsEqual([0x75, 0x73, 0x74, 0x61, 0x72, 0])
        let folders = isPOSIX ? text(345..<500) : ""
        name = folders.isEmpty ? text(0..<100) : "\(folders)/\(text(0..<100))"
    }

    /// In octal digits, or, where the first bit is set, in binary.
    private static func number(_ field: Slice<UnsafeRawBufferPointer>) throws -> Int {
        let damaged = VitvideoError.badData("tar: a header is damaged", nextStep: "get the file again")
        if let first = field.first, first & 0x80 != 0 {
            var value = Int(first & 0x7f)
            for byte in field.dropFirst() {
                let (product, overflow) = value.multipliedReportingOverflow(by: 256)
                guard !overflow else { throw damaged }
                value = product | Int(byte)
            }
            return value
        }
        let digits = field.drop { $0 == 32 }.prefix { $0 != 32 && $0 != 0 }
        if digits.isEmpty { return 0 }
        guard let value = Int(String(decoding: digits, as: UTF8.self), radix: 8), value >= 0 else {
            throw damaged
        }
        return value
    }
}
