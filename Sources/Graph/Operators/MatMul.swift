import Base
import ViT

/// z = α · x·y of the last two axes, for each of the axes before, which are stretched to each other.
///
///     dx += α · dz·yᵀ,  dy += α · xᵀ·dz
struct MatMul: Operator {
    let name = "MatMul"
    let shape: Shape
    /// Whether `y` is stored as columns × inner.
    let transposesY: Bool
    let scale: Float
    private let x: Shape
    private let y: Shape
    private let rows: Int
    private let inner: Int
    private let columns: Int
    /// Where the matrices of each product begin, in matrices.
    private let pairs: [(x: Int, y: Int)]

    /// - Throws: `VitvideoError` of kind `badData` where they do not fit together.
    init(_ x: Shape, _ y: Shape, transposesY: Bool = false, scale: Float = 1) throws {
        guard x.rank >= 2, y.rank >= 2 else { throw VitvideoError.badData("\(x) times \(y) is no product") }
        let (last, secondLast) = (y[y.rank - 1], y[y.rank - 2])
        (rows, inner) = (x[x.rank - 2], x[x.rank - 1])
        columns = transposesY ? secondLast : last
        guard inner == (transposesY ? last : secondLast) else {
            throw VitvideoError.badData("\(x) and \(y) do not fit together in a product")
        }
        let (xBatch, yBatch) = (
            try Shape(Array(x.sizes.dropLast(2))), try Shape(Array(y.sizes.dropLast(2)))
        )
        let batch = try Shape.broadcast(xBatch, yBatch)
        shape = try Shape(batch.sizes + [rows, columns])
        (self.x, self.y, self.transposesY, self.scale) = (x, y, transposesY, scale)
        var pairs: [(x: Int, y: Int)] = []
        PairedLines(batch, xBatch, yBatch, isSplit: true).forEachValue { pairs.append(($0, $1)) }
        self.pairs = pairs
    }

    var operations: Int { saturating(pairs.count, rows, inner, columns) }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) throws {
        // A value is a sum, which takes about as long as an eighth of its terms take elsewhere.
        let width = columns * max(inner / 8, 1)
        if pairs.count == 1 {
            try context.forRows(rows, width: width) { first, count in
                product(
                    out + first * columns, inputs[0] + first * inner, inputs[1], rows: count, context)
            }
            return
        }
        try context.forRows(pairs.count, width: rows * width) { first, count in
            for index in first..<first + count {
                let pair = pairs[index]
                product(
                    out + index * rows * columns, inputs[0] + pair.x * rows * inner,
                    inputs[1] + pair.y * inner * columns, rows: rows, context)
            }
        }
    }

    private func product(
        _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, rows: Int,
        _ context: GraphContext
    ) {
        guard rows > 0, columns > 0 else { return }
        guard inner > 0 else { return out.update(repeating: 0, count: rows * columns) }
        context.product(
            out, stride: columns, x, stride: inner, y, stride: transposesY ? inner : columns,
            bTransposed: transposesY, m: rows, n: columns, k: inner, alpha: scale)
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        guard rows > 0, columns > 0, inner > 0 else { return }
        let product = context.product
        for (index, pair) in pairs.enumerated() {
            let (x, y) = (call.inputs[0] + pair.x * rows * inner, call.inputs[1] + pair.y * inner * columns)
            let dz = call.outGradient + index * rows * columns
            if let dx = gradients[0].map({ $0 + pair.x * rows * inner }) {
                product(
                    dx, stride: inner, dz, stride: columns, y, stride: transposesY ? inner : columns,
                    bTransposed: !transposesY, m: rows, n: inner, k: columns, alpha: scale, beta: 1)
            }
            if let dy = gradients[1].map({ $0 + pair.y * inner * columns }) {
                if transposesY {
                    product(
                        dy, stride: inner, dz, stride: columns, x, stride: inner, aTransposed: true,
                        bTransposed: false, m: columns, n: inner, k: rows, alpha: scale, beta: 1)
                } else {
                    product(
                        dy, stride: columns, x, stride: inner, dz, stride: columns, aTransposed: true,
                        bTransposed: false, m: inner, n: columns, k: rows, alpha: scale, beta: 1)
                }
            }
        }
    }

    /// A row of the product stands for what the row of `x` stands for, a column for what the column of `y` does; either is
    /// left out where it is the same for all.
    func places(_ inputs: [Places]) -> Places? {
        let rank = shape.rank
        let left = inputs[0].map { $0.padded(to: rank) }
        let right = inputs[1].map { $0.padded(to: rank) }
        let rows = left.rows.union(along: rank - 1)
        // Stored the other way round, the columns are the second last axis.
        let other = transposesY ? right.rows.swappingLastAxes() : right.rows
        let columns = other.union(along: rank - 2)
        if !columns.varies(along: rank - 1) {
            return Places(rows.isNone ? columns : rows)
        }
        let isToken = rows.values.contains { $0.token != nil }
        return rows.varies(along: rank - 2) || isToken ? Places(rows, columns: columns) : Places(columns)
    }
}

extension PairedLines {
    /// Calls `body` for every value of the stretched shape, in order.
    func forEachValue(_ body: (_ x: Int, _ y: Int) -> Void) {
        forEach(0..<count) { _, x, y in
            for i in 0..<length { body(x + i * xStride, y + i * yStride) }
        }
    }
}

extension PlaceTensor {
    func swappingLastAxes() -> PlaceTensor {
        var (sizes, strides) = (sizes, strides)
        sizes.swapAt(rank - 1, rank - 2)
        strides.swapAt(rank - 1, rank - 2)
        return viewed(sizes: sizes, strides: strides)
    }
}
