import Base

/// JSON as a tree whose strings are told apart by their code points: a Swift dictionary by `String` would take "é"
/// in one and in two code points for one key.
package enum JSONValue: Sendable {
    package struct Member: Sendable {
        package let name: String
        package let value: JSONValue
    }

    case object([Member])
    case array([JSONValue])
    case string(String)
    case number(Double)
    case bool(Bool)
    case null

    /// - Parameter limit: as many bytes as the file may have.
    /// - Throws: `VitvideoError` where the file cannot be read, is longer, or is not JSON.
    package init(contentsOf path: String, limit: Int) throws {
        let file = try MappedFile.open(path)
        self = try locating("read", path) {
            guard file.count <= limit else { throw VitvideoError.longerThan(limit) }
            return try file.withBytesOnce(Self.value)
        }
    }

    /// - Throws: `VitvideoError` for what is not JSON.
    package init(_ bytes: [UInt8]) throws { self = try bytes.withUnsafeBytes(Self.value) }

    private static func value(of bytes: UnsafeRawBufferPointer) throws -> JSONValue {
        var scanner = JSONScanner(bytes)
        let value = try scanner.value()
        try scanner.end()
        return value
    }

    /// A member of an object by an ASCII name; nil where there is none, or null.
    package subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self, let member = members.first(where: { $0.name == name })
        else { return nil }
        if case .null = member.value { return nil }
        return member.value
    }

    package var members: [Member]? { if case .object(let members) = self { members } else { nil } }

    package var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }

    package var string: String? { if case .string(let text) = self { text } else { nil } }

    package var number: Double? { if case .number(let value) = self { value } else { nil } }

    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// A whole number.
    package var integer: Int? { number.flatMap { Int(exactly: $0) } }
}
