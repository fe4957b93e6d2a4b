import Base
import Files

/// An array out of a NumPy archive, row-major.
package struct NPYArray: Sendable, Equatable {
    package let element: NPYElement
    /// Sizes, outermost first; empty for a single value.
    package let shape: [Int]
    /// The elements, little-endian, without gaps.
    package let bytes: [UInt8]

    package init(element: NPYElement, shape: [Int], bytes: [UInt8]) {
        self.element = element
        self.shape = shape
        self.bytes = bytes
    }

    /// Any floating-point type as Float32.
    /// - Throws: `VitvideoError` for other types.
    package func floats() throws -> [Float] {
        try locating("convert", "array") {
            guard case .number(let type) = element else {
                throw VitvideoError.badData("it holds text, not numbers")
            }
            return try bytes.withUnsafeBytes { try type.floats($0) }
        }
    }

    /// Float64 elements; empty result only for an empty array.
    /// - Throws: `VitvideoError` for other types.
    package func doubles() throws -> [Double] { try elements(of: .float64, as: Double.self) }

    /// Int64 elements.
    /// - Throws: `VitvideoError` for other types.
    package func int64s() throws -> [Int64] { try elements(of: .int64, as: Int64.self) }

    /// Int32 elements.
    /// - Throws: `VitvideoError` for other types.
    package func int32s() throws -> [Int32] { try elements(of: .int32, as: Int32.self) }

    /// Elements of any type of whole numbers, truth values as 0 and 1.
    /// - Throws: `VitvideoError` for other types, and for a number that does not fit an `Int`.
    package func integers() throws -> [Int] {
        switch element {
        case .number(.int64): try int64s().map(Int.init)
        case .number(.int32): try int32s().map(Int.init)
        case .number(.int16): try elements(of: .int16, as: Int16.self).map(Int.init)
        case .number(.int8): try elements(of: .int8, as: Int8.self).map(Int.init)
        case .number(.uint64):
            try elements(of: .uint64, as: UInt64.self).map { value in
                guard let integer = Int(exactly: value) else {
                    throw VitvideoError(
                        .badData, cannot: "convert", path: "array", reason: "\(value) is too large")
                }
                return integer
            }
        case .number(.uint32): try elements(of: .uint32, as: UInt32.self).map(Int.init)
        case .number(.uint16): try elements(of: .uint16, as: UInt16.self).map(Int.init)
        case .number(.uint8), .number(.bool): bytes.map(Int.init)
        default:
            throw VitvideoError(
                .badData, cannot: "convert", path: "array",
                reason: "it holds \(element.descriptor), not whole numbers")
        }
    }

    /// The text of each element, without the zeros that pad it.
    /// - Throws: `VitvideoError` for arrays of numbers.
    package func strings() throws -> [String] {
        let size = element.byteCount
        let count = size == 0 ? shape.reduce(1, *) : bytes.count / size
        return try (0..<count).map { index in
            let piece = bytes[(index * size)..<((index + 1) * size)]
            switch element {
            case .bytes:
                let end = piece.lastIndex { $0 != 0 }.map { $0 + 1 } ?? piece.startIndex
                return String(decoding: piece[..<end], as: UTF8.self)
            case .unicode: return Self.text(piece)
            case .number(let type):
                throw VitvideoError(
                    .badData, cannot: "convert", path: "array", reason: "it holds \(type), not text")
            }
        }
    }

    private static func text(_ utf32: ArraySlice<UInt8>) -> String {
        var scalars = String.UnicodeScalarView()
        var pendingZeros = 0
        for start in stride(from: utf32.startIndex, to: utf32.endIndex, by: 4) {
            let code = (0..<4).reduce(UInt32(0)) { $0 | UInt32(utf32[start + $1]) << (8 * UInt32($1)) }
            if code == 0 {
                pendingZeros += 1
                continue
            }
            // Zeros between characters belong to the text, those at the end do not.
            scalars.append(contentsOf: repeatElement("\0", count: pendingZeros))
            pendingZeros = 0
            scalars.append(Unicode.Scalar(code) ?? "\u{fffd}")
        }
        return String(scalars)
    }

    private func elements<Value: BitwiseCopyable>(of type: ElementType, as _: Value.Type) throws -> [Value] {
        guard element == .number(type) else {
            throw VitvideoError(
                .badData, cannot: "convert", path: "array", reason: "it holds \(element), not \(type)")
        }
        let size = MemoryLayout<Value>.size
        return bytes.withUnsafeBytes { raw in
            (0..<(raw.count / size)).map { raw.loadUnaligned(fromByteOffset: $0 * size, as: Value.self) }
        }
    }
}
