import Base
import Files

/// What the elements of a NumPy array are.
package enum NPYElement: Sendable, Equatable {
    case number(ElementType)
    /// Fixed-length text of 4-byte characters, padded with zeros.
    case unicode(length: Int)
    /// Fixed-length bytes, padded with zeros.
    case bytes(length: Int)

    /// Bytes an element takes.
    var byteCount: Int {
        switch self {
        case .number(let type): type.byteCount
        case .unicode(let length): 4 * length
        case .bytes(let length): length
        }
    }

    /// Bytes an array of that shape takes.
    ///
    /// - Throws: `VitvideoError` where that does not fit an `Int`.
    package func byteCount(ofShape shape: [Int]) throws -> Int {
        let count = try TensorDescription(shape: shape, elementType: .uint8).elementCount
        let (bytes, overflow) = count.multipliedReportingOverflow(by: byteCount)
        guard !overflow else { throw VitvideoError.badData("an array of the shape \(shape) is too large") }
        return bytes
    }

    /// NumPy's name, such as `<f4`.
    package var descriptor: String {
        switch self {
        case .unicode(let length): return "<U\(length)"
        case .bytes(let length): return "|S\(length)"
        case .number(.bool): return "|b1"
        case .number(.uint8): return "|u1"
        case .number(.int8): return "|i1"
        case .number(.bfloat16): return "<V2"
        case .number(let type):
            let kind = type.isFloatingPoint ? "f" : type.rawValue.hasPrefix("u") ? "u" : "i"
            return "<\(kind)\(type.byteCount)"
        }
    }

    /// - Throws: `VitvideoError` for big-endian and for types that hold Python objects, dates, records or complex
    ///   numbers. Two opaque bytes (`V2`) are BFloat16, which is how NumPy saves JAX's.
    package init(descriptor: String) throws {
        let unsupported = VitvideoError.badData("it holds elements of the NumPy type \(quoted(descriptor))")
        var text = Substring(descriptor)
        guard let order = text.popFirst(), "<|=".contains(order), let kind = text.popFirst(),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let size = Int(text), size < 1 << 32
        else { throw unsupported }
        switch (kind, size) {
        case ("f", 8): self = .number(.float64)
        case ("f", 4): self = .number(.float32)
        case ("f", 2): self = .number(.float16)
        case ("V", 2): self = .number(.bfloat16)
        case ("i", 8): self = .number(.int64)
        case ("i", 4): self = .number(.int32)
        case ("i", 2): self = .number(.int16)
        case ("i", 1): self = .number(.int8)
        case ("u", 8): self = .number(.uint64)
        case ("u", 4): self = .number(.uint32)
        case ("u", 2): self = .number(.uint16)
        case ("u", 1): self = .number(.uint8)
        case ("b", 1): self = .number(.bool)
        case ("U", _): self = .unicode(length: size)
        case ("S", _): self = .bytes(length: size)
        default: throw unsupported
        }
    }
}
