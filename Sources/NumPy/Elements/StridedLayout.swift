import Base
import Files

/// How a tensor's elements lie in a storage, in elements: PyTorch's strides, NumPy's Fortran order, and the
/// transposed weights of ONNX are all of this kind.
package struct StridedLayout: Sendable, Equatable {
    package let shape: [Int]
    /// Elements to step for one step along each dimension; none negative.
    package let strides: [Int]
    /// The element the tensor begins at.
    package let offset: Int
    /// Elements from the first to behind the last one used; 0 for an empty tensor.
    package let span: Int
    package let elementCount: Int

    /// - Throws: `VitvideoError` where the layout reaches outside `storageCount` elements.
    package init(_ description: TensorDescription, strides: [Int], offset: Int, storageCount: Int) throws {
        shape = description.shape
        guard strides.count == shape.count else {
            throw VitvideoError.badData("strides and shape differ in length")
        }
        // A step never taken may have any length; it must not overflow later.
        self.strides = zip(description.shape, strides).map { $0 == 1 && $1 >= 0 ? 0 : $1 }
        self.offset = offset
        elementCount = description.elementCount
        guard offset >= 0, self.strides.allSatisfy({ $0 >= 0 }) else {
            throw VitvideoError.badData("a tensor has a negative offset or stride")
        }
        var last = 0
        for (size, stride) in zip(shape, strides) where elementCount > 0 {
            let (reach, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
            let (sum, overflowOfSum) = last.addingReportingOverflow(reach)
            guard !overflow, !overflowOfSum else {
                throw VitvideoError.badData("a tensor's strides overflow")
            }
            last = sum
        }
        guard last < Int.max else { throw VitvideoError.badData("a tensor's strides overflow") }
        span = elementCount == 0 ? 0 : last + 1
        guard offset <= storageCount, span <= storageCount - offset else {
            throw VitvideoError.badData(
                "a tensor reaches beyond its storage of \(storageCount) elements")
        }
    }

    /// Row-major strides of a shape whose product is known to fit.
    package static func rowMajorStrides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() {
            strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1)
        }
        return strides
    }

    /// Column-major strides of a shape whose product is known to fit.
    package static func columnMajorStrides(_ shape: [Int]) -> [Int] {
        Array(rowMajorStrides(shape.reversed()).reversed())
    }

    /// Whether the elements lie in row-major order without gaps; strides of dimensions of size 1 do not matter.
    package var isContiguous: Bool {
        elementCount == 0
            || zip(shape, zip(strides, Self.rowMajorStrides(shape))).allSatisfy { $0 == 1 || $1.0 == $1.1 }
    }

    /// The elements in row-major order.
    /// - Parameter bytes: `span` elements of `size` bytes, beginning at the tensor's first.
    package func gathered(_ bytes: UnsafeRawBufferPointer, elementSize size: Int) -> [UInt8] {
        switch size {
        case 1: gathered(bytes, as: UInt8.self)
        case 2: gathered(bytes, as: UInt16.self)
        case 4: gathered(bytes, as: UInt32.self)
        default: gathered(bytes, as: UInt64.self)
        }
    }

    @inline(__always)
    private func gathered<Element: FixedWidthInteger>(
        _ bytes: UnsafeRawBufferPointer, as _: Element.Type
    ) -> [UInt8] {
        let size = MemoryLayout<Element>.size
        precondition(bytes.count == span * size, "the span is checked by the caller")
        guard elementCount > 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: elementCount * size) { raw, initializedCount in
            let output = UnsafeMutableRawBufferPointer(raw)
            let innerSize = shape.last ?? 1
            let innerStride = (strides.last ?? 0) * size
            var index = [Int](repeating: 0, count: max(shape.count - 1, 0))
            var row = 0
            var written = 0
            while true {
                var source = row
                for _ in 0..<innerSize {
                    output.storeBytes(
                        of: bytes.loadUnaligned(fromByteOffset: source, as: Element.self),
                        toByteOffset: written, as: Element.self)
                    source += innerStride
                    written += size
                }
                // The next row: count up the outer index like an odometer.
                var axis = index.count - 1
                while axis >= 0 {
                    index[axis] += 1
                    row += strides[axis] * size
                    if index[axis] < shape[axis] { break }
                    row -= strides[axis] * size * shape[axis]
                    index[axis] = 0
                    axis -= 1
                }
                if axis < 0 { break }
            }
            initializedCount = written
        }
    }
}

extension ElementType {
    /// Elements without gaps as Float32. Float64 is rounded to nearest; the 16-bit types convert exactly.
    /// - Throws: `VitvideoError` for integers and booleans.
    package func floats(_ bytes: UnsafeRawBufferPointer) throws -> [Float] {
        let count = bytes.count / byteCount
        switch self {
        case .float32:
            return [Float](unsafeUninitializedCapacity: count) { output, initializedCount in
                UnsafeMutableRawBufferPointer(output).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[..<(count * 4)]))
                initializedCount = count
            }
        case .float64:
            return converted(bytes, count) {
                Float($0.loadUnaligned(fromByteOffset: $1 * 8, as: Double.self))
            }
        case .bfloat16:
            return converted(bytes, count) {
                Float(bitPattern: UInt32($0.loadUnaligned(fromByteOffset: $1 * 2, as: UInt16.self)) << 16)
            }
        case .float16:
            return converted(bytes, count) {
                Float(Float16(bitPattern: $0.loadUnaligned(fromByteOffset: $1 * 2, as: UInt16.self)))
            }
        default:
            throw VitvideoError.badData("it holds \(self), not floating-point numbers")
        }
    }

    @inline(__always)
    private func converted(
        _ bytes: UnsafeRawBufferPointer, _ count: Int, _ element: (UnsafeRawBufferPointer, Int) -> Float
    ) -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { output, initializedCount in
            for index in 0..<count { output[index] = element(bytes, index) }
            initializedCount = count
        }
    }
}
