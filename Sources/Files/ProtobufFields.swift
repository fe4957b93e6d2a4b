import Base

/// Walks the fields of one protobuf message in place.
/// https://protobuf.dev/programming-guides/encoding/
///
/// As the encoding has it, a reader passes over fields that its schema lacks or has as another kind, and takes the last
/// of several where the schema has one. Every length is checked against the message's own end. Groups, which a schema
/// has had to avoid since proto2, are passed over whole.
package struct ProtobufFields {
    package struct Field: Equatable {
        package let number: Int
        package let value: Value

        /// Where a length-delimited field's content lies in the walked bytes; nil for numbers.
        package var content: Range<Int>? { if case .content(let range) = value { range } else { nil } }
        /// A number of variable length; nil for other fields.
        package var varint: UInt64? { if case .varint(let number) = value { number } else { nil } }
        /// A number of four bytes; nil for other fields.
        package var bits32: UInt32? { if case .bits32(let bits) = value { bits } else { nil } }
    }

    package enum Value: Equatable {
        case varint(UInt64)
        case bits64(UInt64)
        case content(Range<Int>)
        case bits32(UInt32)
    }

    /// What the lowest three bits of a tag say.
    private enum WireType: UInt64 {
        case varint, bits64, content, groupStart, groupEnd, bits32
    }

    /// Protobuf's own readers have the same bound.
    private static let deepestGroup = 100

    private var cursor: ByteCursor

    /// - Parameter range: the message's bytes within `bytes`; ranges of fields are within `bytes` too.
    package init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        cursor = ByteCursor(
            UnsafeRawBufferPointer(rebasing: bytes[..<range.upperBound]), at: range.lowerBound)
    }

    /// The next field; nil at the message's end.
    /// - Throws: `VitvideoError` where a field reaches beyond the message or is of an unknown kind, and where groups do
    ///   not end as they begin.
    package mutating func next() throws -> Field? {
        /// The numbers of the groups around the cursor.
        var groups: [Int] = []
        while cursor.remaining > 0 || !groups.isEmpty {
            let (number, type) = try tag()
            let value: Value
            switch type {
            case .varint: value = .varint(try varint())
            case .bits64: value = .bits64(try cursor.littleEndian(UInt64.self))
            case .content: value = .content(try content())
            case .bits32: value = .bits32(try cursor.littleEndian(UInt32.self))
            case .groupStart:
                guard groups.count < Self.deepestGroup else { throw Self.malformed }
                groups.append(number)
                continue
            case .groupEnd:
                guard groups.popLast() == number else { throw Self.malformed }
                continue
            }
            if groups.isEmpty { return Field(number: number, value: value) }
        }
        return nil
    }

    // MARK: What a field holds

    /// - Throws: `VitvideoError` where it is not UTF-8.
    package func text(_ content: Range<Int>) throws -> String {
        guard let text = String(validating: cursor.bytes[content], as: UTF8.self) else {
            throw VitvideoError.badData("a text in its protobuf encoding is not UTF-8")
        }
        return text
    }

    /// The numbers that a field adds to a repeated field of varints: one, or those packed into its content.
    /// - Throws: `VitvideoError` where the last of them is cut.
    package func forEachVarint(in field: Field, _ body: (UInt64) -> Void) throws {
        switch field.value {
        case .varint(let number): body(number)
        case .content(let range):
            var packed = ProtobufFields(cursor.bytes, range)
            while packed.cursor.remaining > 0 { body(try packed.varint()) }
        case .bits32, .bits64: break
        }
    }

    /// The same of a repeated field of numbers of four bytes.
    package func forEachBits32(in field: Field, _ body: (UInt32) -> Void) throws {
        switch field.value {
        case .bits32(let bits): body(bits)
        case .content(let range): try forEachPacked(range, body)
        case .varint, .bits64: break
        }
    }

    /// The same of a repeated field of numbers of eight bytes.
    package func forEachBits64(in field: Field, _ body: (UInt64) -> Void) throws {
        switch field.value {
        case .bits64(let bits): body(bits)
        case .content(let range): try forEachPacked(range, body)
        case .varint, .bits32: break
        }
    }

    private func forEachPacked<Bits: FixedWidthInteger>(
        _ range: Range<Int>, _ body: (Bits) -> Void
    ) throws {
        let size = MemoryLayout<Bits>.size
        guard range.count.isMultiple(of: size) else { throw Self.malformed }
        for offset in stride(from: range.lowerBound, to: range.upperBound, by: size) {
            body(Bits(littleEndian: cursor.bytes.loadUnaligned(fromByteOffset: offset, as: Bits.self)))
        }
    }

    // MARK: The encoding

    private mutating func tag() throws -> (number: Int, type: WireType) {
        let tag = try varint()
        // A field's number has 29 bits, and none is 0.
        guard (1..<1 << 29).contains(tag >> 3), let type = WireType(rawValue: tag & 7) else {
            throw Self.malformed
        }
        return (Int(tag >> 3), type)
    }

    private mutating func content() throws -> Range<Int> {
        let length = try varint()
        guard length <= UInt64(cursor.remaining) else {
            throw VitvideoError.badData(
                "a field of \(length) bytes reaches beyond the end",
                nextStep: "the file is cut short or damaged: get it again")
        }
        let start = cursor.position
        _ = try cursor.take(Int(length))
        return start..<cursor.position
    }

    /// Seven bits a byte, the lowest first, in at most ten bytes.
    private mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let byte = try cursor.byte()
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw Self.malformed
    }

    private static var malformed: VitvideoError { .badData("its protobuf encoding is malformed") }
}
