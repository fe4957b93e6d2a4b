import Base
import Files

/// The element types that weights files hold. All are little-endian on disk.
///
/// The type is here and not in Checkpoints because NumPy archives are read and written without the other formats;
/// Checkpoints, whose formats have the same types, reads such archives with this module.
package enum ElementType: String, Sendable, Equatable, CaseIterable {
    case float64, float32, float16, bfloat16
    case int64, int32, int16, int8
    case uint64, uint32, uint16, uint8
    case bool

    /// Bytes an element takes.
    package var byteCount: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32: 4
        case .float16, .bfloat16, .int16, .uint16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// Whether `Checkpoint.floats` converts this type.
    package var isFloatingPoint: Bool {
        switch self {
        case .float64, .float32, .float16, .bfloat16: true
        default: false
        }
    }
}

/// Shape and element type of a tensor in a file.
package struct TensorDescription: Sendable, Equatable, CustomStringConvertible {
    /// Sizes, outermost first; empty for a scalar.
    package let shape: [Int]
    package let elementType: ElementType
    /// The product of `shape`; 1 for a scalar. It and its size in bytes are known to fit an `Int`.
    package let elementCount: Int

    /// As "384x3x14x14 float32".
    package var description: String {
        (shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: "x")) + " \(elementType)"
    }

    /// Bytes the tensor takes when stored without gaps.
    package var byteCount: Int { elementCount * elementType.byteCount }

    /// The largest rank taken from a file. Weights have five dimensions at most; NumPy long allowed this many.
    package static let largestRank = 32

    /// - Throws: `VitvideoError` where a size is negative, there are more than 32 of them, or the size in bytes
    ///   does not fit an `Int`.
    package init(shape: [Int], elementType: ElementType) throws {
        self.shape = shape
        self.elementType = elementType
        guard shape.count <= Self.largestRank else {
            throw VitvideoError.badData(
                "a shape has \(shape.count) dimensions, more than \(Self.largestRank)")
        }
        // Zero sizes are left out of the overflow check's product, so that [2^40, 2^40, 0] is refused in whichever
        // order its sizes come.
        var count = 1
        for size in shape {
            guard size >= 0 else { throw VitvideoError.badData("a shape has the negative size \(size)") }
            let (product, overflow) = count.multipliedReportingOverflow(by: max(size, 1))
            guard !overflow else {
                throw VitvideoError.badData("the shape \(oneLine("\(shape)")) is too large")
            }
            count = product
        }
        guard !count.multipliedReportingOverflow(by: 8).overflow else {
            throw VitvideoError.badData("the shape \(oneLine("\(shape)")) is too large")
        }
        elementCount = shape.contains(0) ? 0 : count
    }
}
