import Base

/// Walks the fields of one protobuf message in place, without decoding them.
/// https://protobuf.dev/programming-guides/encoding/
package struct ProtobufFields {
    package struct Field {
        package let number: UInt64
        /// Where a length-delimited field's content lies in the walked bytes; nil for numbers.
        package let content: Range<Int>?
        /// The value of a number of variable length; nil for other fields.
        package var value: UInt64?
        /// The value of a number of four bytes; nil for other fields.
        package var bits: UInt32?
    }

    private var cursor: ByteCursor

    /// - Parameter range: the message's bytes within `bytes`; ranges of fields are within `bytes` too.
    package init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        cursor = ByteCursor(
            UnsafeRawBufferPointer(rebasing: bytes[..<range.upperBound]), at: range.lowerBound)
    }

    /// The next field; nil at the message's end.
    /// - Throws: `VitvideoError` where a field reaches beyond the message or is of an unknown kind.
    package mutating func next() throws -> Field? {
        guard cursor.remaining > 0 else { return nil }
        let tag = try varint()
        switch tag & 7 {
        case 0: return Field(number: tag >> 3, content: nil, value: try varint())
        case 1: _ = try cursor.take(8)
        case 5:
            return Field(number: tag >> 3, content: nil, bits: try cursor.littleEndian(UInt32.self))
        case 2:
            let length = try varint()
            guard length <= UInt64(cursor.remaining) else {
                throw VitvideoError.badData(
                    "a field of \(length) bytes reaches beyond the end",
                    nextStep: "the file is cut short or damaged: get it again")
            }
            let start = cursor.position
            _ = try cursor.take(Int(length))
            return Field(number: tag >> 3, content: start..<cursor.position)
        default: throw VitvideoError.badData("its protobuf encoding is malformed")
        }
        return Field(number: tag >> 3, content: nil)
    }

    private mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let byte = try cursor.byte()
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw VitvideoError.badData("its protobuf encoding is malformed")
    }
}
