import Base
import ViT

/// y = x·W + b over the last axis, with W packed for the library that multiplies fastest.
///
///     dx += dy·Wᵀ
///
/// What `MatMul` and `Add` with parameters are replaced by when a model is made ready.
struct PackedLinear: Operator {
    let name = "Linear"
    let shape: Shape
    private let layer: PackedProduct
    private let rows: Int

    /// Rows that a thread takes at a time: a quarter of what its cache takes, and half of the few rows that late stages have.
    /// Their number does not depend on how many threads there are, and so neither do the results.
    private let tile: Int

    /// - Parameter x: its last axis has as many values as the layer has inputs.
    /// - Throws: as `Shape.init`.
    init(_ x: Shape, _ layer: PackedProduct) throws {
        self.layer = layer
        shape = try x.replacing(x.rank - 1, by: layer.outputs)
        rows = x.count(of: 0..<x.rank - 1)
        tile = min(PackedProduct.rowTile / 4, max((rows + 1) / 2, 16))
    }

    var operations: Int { saturating(rows, layer.inputs, layer.outputs) }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) throws {
        // A library prepares itself for each number of rows: few different ones.
        let tiles = RowTiles(rows: rows, most: tile)
        let starts = tiles.map { $0 }
        try context.pool.run(count: starts.count) { index, _ in
            let (start, count) = starts[index]
            try layer.apply(
                out + start * layer.outputs, inputs[0] + start * layer.inputs, rows: count)
        }
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) throws {
        guard let gradient = gradients[0] else { return }
        try context.forRows(rows, width: layer.inputs * layer.outputs / 8) { first, count in
            layer.addBackward(
                gradient + first * layer.inputs, call.outGradient + first * layer.outputs, rows: count)
        }
    }

    func places(_ inputs: [Places]) -> Places? {
        inputs[0].map { $0.union(along: shape.rank - 1) }
    }
}
