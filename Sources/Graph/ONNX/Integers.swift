import Base
import Files

/// Integers and truth values in their shape: what ONNX computes shapes, indices and conditions with. None of them depends on
/// the picture's pixels.
struct Integers: Sendable {
    let shape: Shape
    let values: [Int]

    init(_ shape: Shape, _ values: [Int]) {
        precondition(shape.count == values.count)
        (self.shape, self.values) = (shape, values)
    }

    /// More integers are no shapes and indices of a model.
    private static let most = 1 << 22

    /// - Throws: `VitvideoError` of kind `badData` for far too many.
    static func check(_ shape: Shape) throws {
        guard shape.count <= most else {
            throw VitvideoError.badData("\(shape) integers are no indices of a model")
        }
    }

    /// A list.
    init(_ values: [Int]) throws { self.init(try Shape([values.count]), values) }

    /// A single number.
    init(_ value: Int) throws { self.init(try Shape([]), [value]) }

    /// - Throws: `VitvideoError` of kind `badData` where it is not a single number.
    var single: Int {
        get throws {
            guard values.count == 1 else {
                throw VitvideoError.badData("\(shape) where a single number is to be")
            }
            return values[0]
        }
    }

    func reshaped(_ sizes: [Int]) throws -> Integers {
        let target = try Shape(sizes)
        guard target.count == shape.count else {
            throw VitvideoError.badData("\(shape) cannot be seen as \(target)")
        }
        return Integers(target, values)
    }

    /// What a view shows of them.
    func viewed(_ view: StridedView, _ shape: Shape) -> Integers {
        var result = [Int](repeating: 0, count: shape.count)
        if shape.count > 0 {
            result.withUnsafeMutableBufferPointer { out in
                values.withUnsafeBufferPointer { view.gather(out.baseAddress!, from: $0.baseAddress!) }
            }
        }
        return Integers(shape, result)
    }

    /// f(x, y) value by value, axes of 1 stretched.
    func combined(_ other: Integers, _ f: (Int, Int) throws -> Int) throws -> Integers {
        let shape = try Shape.broadcast(shape, other.shape)
        try Self.check(shape)
        let a = viewed(
            StridedView(sizes: shape.sizes, strides: self.shape.strides(stretchedTo: shape)), shape)
        let b = other.viewed(
            StridedView(sizes: shape.sizes, strides: other.shape.strides(stretchedTo: shape)), shape)
        return Integers(shape, try zip(a.values, b.values).map { try f($0, $1) })
    }
}
