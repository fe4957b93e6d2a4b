import Base
import Files

/// The header of a `.npy` file, versions 1 to 3: magic, version, length, and a Python dictionary literal with
/// `descr`, `fortran_order` and `shape`.
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
package struct NPYHeader: Equatable {
    package let element: NPYElement
    package let isFortranOrder: Bool
    package let shape: [Int]
    /// Elements in all; with `element` known to fit an `Int` in bytes.
    package let elementCount: Int
    /// Where the elements begin.
    package let dataOffset: Int

    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    /// No header of an array without field names is anywhere near this long.
    static let largestHeader = 1 << 16

    /// - Parameter bytes: the file's beginning, at least `largestHeader` of it where it is that long.
    init(_ bytes: UnsafeRawBufferPointer) throws {
        var cursor = ByteCursor(bytes)
        guard try cursor.take(Self.magic.count).elementsEqual(Self.magic) else {
            throw VitvideoError.badData("it is not a NumPy array")
        }
        let major = try cursor.byte()
        _ = try cursor.byte()
        guard (1...3).contains(major) else {
            throw VitvideoError.badData("it is of version \(major) of the NumPy format")
        }
        let length =
            major == 1 ? Int(try cursor.littleEndian(UInt16.self)) : Int(try cursor.littleEndian(UInt32.self))
        guard cursor.position + length <= Self.largestHeader else {
            throw VitvideoError.badData("its header is said to be \(length) bytes long")
        }
        let text = try cursor.take(length)
        dataOffset = cursor.position

        var parser = PythonLiteral(text)
        let fields = try parser.header()
        element = try NPYElement(descriptor: fields.descriptor)
        isFortranOrder = fields.isFortranOrder
        shape = fields.shape
        elementCount = try TensorDescription(shape: shape, elementType: .uint8).elementCount
        guard !elementCount.multipliedReportingOverflow(by: element.byteCount).overflow else {
            throw VitvideoError.badData("the shape \(oneLine("\(shape)")) is too large")
        }
        guard element.byteCount > 0 || elementCount <= 1 else {
            throw VitvideoError.badData("it holds \(elementCount) elements of no size")
        }
    }

    /// Bytes of the elements.
    var byteCount: Int { elementCount * element.byteCount }

    /// A version-1 header, padded with spaces to end at a multiple of 64 bytes.
    /// - Parameter reservingRows: pad so that any count of rows gives the same length, to be patched later.
    static func encode(element: NPYElement, shape: [Int], reservingRows: Bool = false) -> [UInt8] {
        func literal(_ shape: [Int]) -> String {
            let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
            return "{'descr': '\(element.descriptor)', 'fortran_order': False, 'shape': (\(sizes)), }"
        }
        let longest = reservingRows ? literal([Int.max] + shape.dropFirst()) : literal(shape)
        let total = (10 + longest.utf8.count + 1 + 63) / 64 * 64
        let text = literal(shape)
        let padding = String(repeating: " ", count: total - 10 - 1 - text.utf8.count)
        let length = UInt16(total - 10)
        return magic + [1, 0, UInt8(length & 0xff), UInt8(length >> 8)] + Array((text + padding + "\n").utf8)
    }
}

/// The one kind of Python dictionary that `.npy` headers hold.
private struct PythonLiteral {
    private var cursor: ByteCursor

    init(_ bytes: UnsafeRawBufferPointer) { cursor = ByteCursor(bytes) }

    mutating func header() throws -> (descriptor: String, isFortranOrder: Bool, shape: [Int]) {
        var descriptor: String?
        var isFortranOrder: Bool?
        var shape: [Int]?
        try expect("{")
        while peek() != UInt8(ascii: "}") {
            let key = try string()
            try expect(":")
            switch key {
            case "descr":
                guard peek() != UInt8(ascii: "[") else {
                    throw VitvideoError.badData("it holds records, not numbers")
                }
                descriptor = try string()
            case "fortran_order": isFortranOrder = try boolean()
            case "shape": shape = try tuple()
            default: throw VitvideoError.badData("its header has the unknown field \(quoted(key))")
            }
            if peek() == UInt8(ascii: ",") { try expect(",") } else { break }
        }
        try expect("}")
        guard peek() == nil, let descriptor, let isFortranOrder, let shape else { throw malformed }
        return (descriptor, isFortranOrder, shape)
    }

    private var malformed: VitvideoError { VitvideoError.badData("its header is malformed") }

    private mutating func peek() -> UInt8? {
        while let byte = cursor.next, byte == 0x20 || byte == 0x0a || byte == 0x09 { cursor.skip() }
        return cursor.next
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        guard let byte = peek(), UInt32(byte) == character.value else { throw malformed }
        cursor.skip()
    }

    private mutating func string() throws -> String {
        guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
            throw malformed
        }
        cursor.skip()
        var bytes: [UInt8] = []
        while true {
            let byte = try cursor.byte()
            if byte == quote { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
    }

    private mutating func boolean() throws -> Bool {
        _ = peek()
        for (word, value) in [("True", true), ("False", false)] {
            var attempt = cursor
            if let bytes = try? attempt.take(word.utf8.count), bytes.elementsEqual(word.utf8) {
                cursor = attempt
                return value
            }
        }
        throw malformed
    }

    private mutating func tuple() throws -> [Int] {
        var sizes: [Int] = []
        try expect("(")
        while peek() != UInt8(ascii: ")") {
            var digits: [UInt8] = []
            while let byte = cursor.next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                digits.append(byte)
                cursor.skip()
            }
            // Python 2 wrote long integers as 3L.
            if cursor.next == UInt8(ascii: "L") { cursor.skip() }
            guard let size = Int(String(decoding: digits, as: UTF8.self)),
                sizes.count < TensorDescription.largestRank
            else { throw malformed }
            sizes.append(size)
            if peek() == UInt8(ascii: ",") { try expect(",") } else { break }
        }
        try expect(")")
        return sizes
    }
}
