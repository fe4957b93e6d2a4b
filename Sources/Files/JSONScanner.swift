import Base

/// Walks JSON text without building a tree: its callers know what they expect, so memory is bounded by what they
/// keep. Strict (RFC 8259); nesting is bounded only in `skipValue` and `value`, which recurse.
package struct JSONScanner {
    private var cursor: ByteCursor

    package init(_ bytes: UnsafeRawBufferPointer) { cursor = ByteCursor(bytes) }

    /// Calls `member` once for each member of an object, with its name; `member` consumes the value.
    package mutating func object(_ member: (inout JSONScanner, String) throws -> Void) throws {
        try expect(UInt8(ascii: "{"))
        if try peek() == UInt8(ascii: "}") { return try expect(UInt8(ascii: "}")) }
        while true {
            let name = try string()
            try expect(UInt8(ascii: ":"))
            try member(&self, name)
            if try peek() != UInt8(ascii: ",") { break }
            try expect(UInt8(ascii: ","))
        }
        try expect(UInt8(ascii: "}"))
    }

    /// An array of at most `limit` non-negative integers that fit an `Int`.
    package mutating func integers(limit: Int) throws -> [Int] {
        var values: [Int] = []
        try expect(UInt8(ascii: "["))
        if try peek() == UInt8(ascii: "]") {
            try expect(UInt8(ascii: "]"))
            return values
        }
        while true {
            guard values.count < limit else {
                throw VitvideoError.badData("a list has more than \(limit) numbers")
            }
            values.append(try integer())
            if try peek() != UInt8(ascii: ",") { break }
            try expect(UInt8(ascii: ","))
        }
        try expect(UInt8(ascii: "]"))
        return values
    }

    package mutating func string() throws -> String {
        try expect(UInt8(ascii: "\""))
        var bytes: [UInt8] = []
        while true {
            let byte = try cursor.byte()
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: bytes, as: UTF8.self) else {
                    throw VitvideoError.badData("a string is not UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): bytes.append(contentsOf: try escape())
            case 0..<0x20: throw VitvideoError.badData("a string holds a control character")
            default: bytes.append(byte)
            }
        }
    }

    /// Passes over any value.
    package mutating func skipValue(depth: Int = 0) throws {
        guard depth < 64 else { throw VitvideoError.badData("its JSON is nested more than 64 deep") }
        switch try peek() {
        case UInt8(ascii: "{"):
            try object { scanner, _ in try scanner.skipValue(depth: depth + 1) }
        case UInt8(ascii: "["):
            try expect(UInt8(ascii: "["))
            if try peek() != UInt8(ascii: "]") {
                try skipValue(depth: depth + 1)
                while try peek() == UInt8(ascii: ",") {
                    try expect(UInt8(ascii: ","))
                    try skipValue(depth: depth + 1)
                }
            }
            try expect(UInt8(ascii: "]"))
        case UInt8(ascii: "\""): _ = try string()
        default: _ = try word()
        }
    }

    /// Any value as a tree.
    package mutating func value(depth: Int = 0) throws -> JSONValue {
        guard depth < 64 else { throw VitvideoError.badData("its JSON is nested more than 64 deep") }
        switch try peek() {
        case UInt8(ascii: "{"):
            var members: [JSONValue.Member] = []
            try object { scanner, name in
                members.append(JSONValue.Member(name: name, value: try scanner.value(depth: depth + 1)))
            }
            return .object(members)
        case UInt8(ascii: "["):
            try expect(UInt8(ascii: "["))
            var values: [JSONValue] = []
            if try peek() != UInt8(ascii: "]") {
                values.append(try value(depth: depth + 1))
                while try peek() == UInt8(ascii: ",") {
                    try expect(UInt8(ascii: ","))
                    values.append(try value(depth: depth + 1))
                }
            }
            try expect(UInt8(ascii: "]"))
            return .array(values)
        case UInt8(ascii: "\""): return .string(try string())
        default:
            let word = try word()
            switch word {
            case "true": return .bool(true)
            case "false": return .bool(false)
            case "null": return .null
            default:
                guard let number = Double(word), number.isFinite else {
                    throw VitvideoError.badData("its JSON is malformed")
                }
                return .number(number)
            }
        }
    }

    /// A number, or one of JSON's names.
    private mutating func word() throws -> String {
        var bytes: [UInt8] = []
        while let byte = cursor.next, byte > 0x20, !",]}:\"[{".utf8.contains(byte) {
            bytes.append(try cursor.byte())
        }
        guard !bytes.isEmpty else { throw VitvideoError.badData("its JSON is malformed") }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Throws unless only white space is left.
    package mutating func end() throws {
        skipSpace()
        guard cursor.remaining == 0 else { throw VitvideoError.badData("its JSON goes on after its end") }
    }

    private mutating func integer() throws -> Int {
        skipSpace()
        var value = 0
        var digits = 0
        while let byte = cursor.next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            _ = try cursor.byte()
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowOfSum) = tens.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
            guard !overflow, !overflowOfSum else { throw VitvideoError.badData("a number is too large") }
            value = sum
            digits += 1
        }
        guard digits > 0 else { throw VitvideoError.badData("a whole number was expected") }
        return value
    }

    /// What follows a backslash, as UTF-8.
    private mutating func escape() throws -> [UInt8] {
        let byte = try cursor.byte()
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): break
        default: throw VitvideoError.badData("a string has an unknown escape")
        }
        var code = UInt32(try hexadecimal())
        if (0xd800..<0xdc00).contains(code) {
            // A character beyond 16 bits comes as a pair of surrogates.
            guard try cursor.byte() == UInt8(ascii: "\\"), try cursor.byte() == UInt8(ascii: "u") else {
                throw VitvideoError.badData("a string has half a surrogate pair")
            }
            let low = UInt32(try hexadecimal())
            guard (0xdc00..<0xe000).contains(low) else {
                throw VitvideoError.badData("a string has half a surrogate pair")
            }
            code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else {
            throw VitvideoError.badData("a string has half a surrogate pair")
        }
        return Array(String(Character(scalar)).utf8)
    }

    private mutating func hexadecimal() throws -> UInt16 {
        let digits = try cursor.take(4)
        guard let text = String(validating: digits, as: UTF8.self), text.utf8.first != UInt8(ascii: "+"),
            let value = UInt16(text, radix: 16)
        else { throw VitvideoError.badData("a string has an unknown escape") }
        return value
    }

    private mutating func peek() throws -> UInt8 {
        skipSpace()
        guard let byte = cursor.next else { throw VitvideoError.badData("its JSON ends too early") }
        return byte
    }

    private mutating func expect(_ byte: UInt8) throws {
        guard try peek() == byte else {
            throw VitvideoError.badData(
                "its JSON is malformed: '\(Character(Unicode.Scalar(byte)))' expected")
        }
        _ = try cursor.byte()
    }

    private mutating func skipSpace() {
        while let byte = cursor.next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            cursor.skip()
        }
    }
}
