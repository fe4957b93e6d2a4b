import Base
import NumPy

/// A tensor as it is presented, made of one or two initializers.
enum ONNXOrigin: Sendable, Equatable {
    case whole(Int)
    /// Stored (in, out), presented (out, in) as PyTorch keeps it.
    case transposed(Int)
    /// The first of equal slices along the first axis, which are there for the pictures of a batch.
    case first(Int)
    /// Its last axes alone. What lies along the others is equal, for the pictures of a batch or as they are one long.
    case inner(Int, axes: Int)
    /// One of three equal parts of a vector.
    case third(Int, part: Int)
    /// Special tokens (1, n, D) and patches joined along the tokens; the patches are (1, patches, D), or with four axes
    /// (1, D, rows, columns).
    case joined(tokens: Int, patches: Int)

    /// The initializers that it is made of.
    var parts: [Int] {
        switch self {
        case .whole(let index), .transposed(let index), .first(let index), .inner(let index, _),
            .third(let index, _):
            [index]
        case .joined(let tokens, let patches): [tokens, patches]
        }
    }

    /// - Throws: `VitvideoError` where parts do not fit each other.
    func description(_ initializers: [ONNXInitializer]) throws -> TensorDescription {
        let stored = initializers[parts[0]].description
        let shape = stored.shape
        switch self {
        case .whole: return stored
        case .transposed:
            return try TensorDescription(shape: shape.reversed(), elementType: stored.elementType)
        case .first:
            return try TensorDescription(shape: [1] + shape.dropFirst(), elementType: stored.elementType)
        case .inner(_, let axes):
            return try TensorDescription(
                shape: Array(shape.suffix(axes)), elementType: stored.elementType)
        case .third:
            return try TensorDescription(shape: [shape[0] / 3], elementType: stored.elementType)
        case .joined(_, let patches):
            let other = initializers[patches].description
            let count = other.shape.count == 4 ? other.shape[2] * other.shape[3] : other.shape[1]
            let (tokens, overflow) = shape[1].addingReportingOverflow(count)
            guard !overflow, stored.elementType == other.elementType else {
                throw VitvideoError.badData("the halves of its position table do not fit")
            }
            return try TensorDescription(shape: [1, tokens, shape[2]], elementType: stored.elementType)
        }
    }

    /// The values as presented, row-major, of what the initializers hold.
    func floats(_ values: (Int) throws -> [Float], shape: (Int) -> [Int]) rethrows -> [Float] {
        switch self {
        case .whole(let index): return try values(index)
        case .transposed(let index):
            return ONNXOrigin.transposed(
                try values(index), rows: shape(index)[0], columns: shape(index)[1])
        case .first(let index):
            let all = try values(index)
            return Array(all.prefix(all.count / max(shape(index)[0], 1)))
        case .inner(let index, let axes):
            return Array(try values(index).prefix(shape(index).suffix(axes).reduce(1, *)))
        case .third(let index, let part):
            let length = shape(index)[0] / 3
            return Array(try values(index)[part * length..<(part + 1) * length])
        case .joined(let tokens, let patches):
            let shape = shape(patches)
            guard shape.count == 4 else { return try values(tokens) + values(patches) }
            return try values(tokens)
                + ONNXOrigin.transposed(
                    values(patches), rows: shape[1], columns: shape[2] * shape[3])
        }
    }

    /// (rows, columns) to (columns, rows), both row-major. Goes by tiles of 16×16, so that each cache line that is
    /// touched is used whole.
    private static func transposed(_ values: [Float], rows: Int, columns: Int) -> [Float] {
        // One side may be huge where the other is 0.
        if values.isEmpty { return [] }
        return [Float](unsafeUninitializedCapacity: values.count) { output, initializedCount in
            values.withUnsafeBufferPointer { input in
                for firstRow in stride(from: 0, to: rows, by: 16) {
                    for firstColumn in stride(from: 0, to: columns, by: 16) {
                        for column in firstColumn..<min(firstColumn + 16, columns) {
                            for row in firstRow..<min(firstRow + 16, rows) {
                                output[column * rows + row] = input[row * columns + column]
                            }
                        }
                    }
                }
            }
            initializedCount = values.count
        }
    }
}
