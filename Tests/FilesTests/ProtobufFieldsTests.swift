import Base
import Testing

@testable import Files

@Suite struct ProtobufFieldsTests {
    typealias Field = ProtobufFields.Field

    private func fields(_ bytes: [UInt8]) throws -> [Field] {
        try bytes.withUnsafeBytes { bytes in
            var fields = ProtobufFields(bytes, 0..<bytes.count)
            var found: [Field] = []
            while let field = try fields.next() { found.append(field) }
            return found
        }
    }

    @Test func everyKindOfFieldIsRead() throws {
        #expect(try fields([]) == [])
        #expect(
            try fields(
                [0x08, 0x96, 0x01] + [0x11, 1, 2, 3, 4, 5, 6, 7, 8] + [0x1a, 2, 0x68, 0x69]
                    + [0x25, 1, 2, 3, 4] + [0x2a, 0]) == [
                    Field(number: 1, value: .varint(150)),
                    Field(number: 2, value: .bits64(0x0807_0605_0403_0201)),
                    Field(number: 3, value: .content(14..<16)),
                    Field(number: 4, value: .bits32(0x0403_0201)),
                    Field(number: 5, value: .content(23..<23)),
                ])
        // The largest number of a field and of a varint.
        #expect(
            try fields([0xf8, 0xff, 0xff, 0xff, 0x0f] + Array(repeating: 0xff, count: 9) + [1])
                == [Field(number: (1 << 29) - 1, value: .varint(.max))])
        // A number may be longer than it needs.
        #expect(
            try fields([0x88, 0x80, 0, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0])
                == [Field(number: 1, value: .varint(1))])
    }

    /// Ranges are within the bytes that hold the message, and nothing behind the message is read.
    @Test func aMessageEndsWhereItsRangeDoes() throws {
        let bytes: [UInt8] = [0xff, 0x0a, 1, 0x41, 0x08, 0x01]
        try bytes.withUnsafeBytes { bytes in
            var inner = ProtobufFields(bytes, 1..<4)
            let field = try #require(try inner.next())
            #expect(field == Field(number: 1, value: .content(3..<4)))
            #expect(try inner.text(3..<4) == "A")
            #expect(try inner.next() == nil)
            for end in [2, 3, 5] {
                var cut = ProtobufFields(bytes, (end == 5 ? 4 : 1)..<end)
                #expect(throws: VitvideoError.self) { try cut.next() }
            }
        }
    }

    @Test(arguments: [
        // Cut in a tag, a varint, four bytes, eight bytes and a length.
        [0x80], [0x08], [0x08, 0x80], [0x0d, 1, 2, 3], [0x09, 1, 2, 3, 4, 5, 6, 7], [0x0a], [0x0a, 0x80],
        // A content that is cut, and lengths that are as long as can be.
        [0x0a, 2, 1], [0x0a] + [UInt8](repeating: 0xff, count: 9) + [1],
        [0x0a, 0xff, 0xff, 0xff, 0xff, 0x07],
        // Eleven bytes of one number.
        [0x08] + [UInt8](repeating: 0x80, count: 10) + [0], [UInt8](repeating: 0x80, count: 10) + [0],
        // Field 0, a number beyond 29 bits, kinds that do not exist.
        [0x00, 0], [0x02, 0], [0x80, 0x80, 0x80, 0x80, 0x10, 0], [0x0e], [0x0f],
        // A group that does not end, that ends as another one, and ends of none.
        [0x0b], [0x0b, 0x08, 1], [0x0b, 0x14], [0x0c], [0x0b, 0x13, 0x0c, 0x14],
        // What is in a group is checked too.
        [0x0b, 0x12, 9, 0x0c], [0x0b, 0x00, 0x0c],
    ]) func damageIsRefused(bytes: [UInt8]) {
        let error = #expect(throws: VitvideoError.self) { try fields(bytes) }
        #expect(error?.kind == .badData)
    }

    @Test func groupsArePassedOver() throws {
        let group: [UInt8] = [0x0b, 0x08, 1, 0x13, 0x1a, 1, 0x0c, 0x14, 0x0c]
        #expect(
            try fields([0x10, 1] + group + [0x10, 2] + group)
                == [Field(number: 2, value: .varint(1)), Field(number: 2, value: .varint(2))])
        func nested(_ depth: Int) -> [UInt8] {
            [UInt8](repeating: 0x0b, count: depth) + [UInt8](repeating: 0x0c, count: depth)
        }
        #expect(try fields(nested(100)) == [])
        #expect(throws: VitvideoError.self) { try fields(nested(101)) }
        #expect(throws: VitvideoError.self) { try fields([UInt8](repeating: 0x0b, count: 1 << 20)) }
    }

    /// The numbers that all fields of `bytes` add to a repeated field.
    private func repeated<Number>(
        _ bytes: [UInt8], _ each: (ProtobufFields) -> (Field, (Number) -> Void) throws -> Void
    ) throws -> [Number] {
        try bytes.withUnsafeBytes { bytes in
            var fields = ProtobufFields(bytes, 0..<bytes.count)
            var numbers: [Number] = []
            while let field = try fields.next() { try each(fields)(field) { numbers.append($0) } }
            return numbers
        }
    }

    @Test func repeatedNumbersArePackedOrNot() throws {
        let minusOne = [UInt8](repeating: 0xff, count: 9) + [1]
        #expect(
            try repeated([0x08, 7, 0x0a, 3, 1, 0x96, 1, 0x0a, 0, 0x0a, 10] + minusOne) {
                $0.forEachVarint
            } == [7, 1, 150, .max])
        #expect(
            try repeated([0x0d, 1, 0, 0, 0, 0x0a, 8, 2, 0, 0, 0, 3, 0, 0, 0x80]) {
                $0.forEachBits32
            } == [1, 2, 0x8000_0003])
        #expect(
            try repeated([0x09, 1, 0, 0, 0, 0, 0, 0, 0, 0x0a, 8, 2, 0, 0, 0, 0, 0, 0, 0x80]) {
                $0.forEachBits64
            } == [1, 0x8000_0000_0000_0002])
    }

    @Test func packedNumbersThatAreCutAreRefused() {
        // The second number's last byte lies behind the content.
        #expect(throws: VitvideoError.self) { try repeated([0x0a, 2, 1, 0x96, 1, 0]) { $0.forEachVarint } }
        #expect(throws: VitvideoError.self) {
            try repeated([0x0a, 5, 0, 0, 0, 0, 0]) { $0.forEachBits32 }
        }
        #expect(throws: VitvideoError.self) {
            try repeated([0x0a, 4, 0, 0, 0, 0]) { $0.forEachBits64 }
        }
    }

    @Test func numbersOfAnotherKindAddNothing() throws {
        let four: [UInt8] = [0x0d, 1, 0, 0, 0]
        let eight: [UInt8] = [0x09, 1, 0, 0, 0, 0, 0, 0, 0]
        #expect(try repeated(four + eight) { $0.forEachVarint } == [])
        #expect(try repeated([0x08, 1] + eight) { $0.forEachBits32 } == [])
        #expect(try repeated([0x08, 1] + four) { $0.forEachBits64 } == [])
    }

    @Test func textIsUTF8() throws {
        try ([0x68, 0xc3, 0xa9, 0xff] as [UInt8]).withUnsafeBytes { bytes in
            let fields = ProtobufFields(bytes, 0..<bytes.count)
            let text = try fields.text(0..<3)
            #expect(text == "hé")
            for range in [0..<4, 0..<2, 2..<3] {
                #expect(throws: VitvideoError.self) { try fields.text(range) }
            }
        }
    }
}
