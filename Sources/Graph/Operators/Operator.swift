import Base
import ViT

/// One step of a model: a function of tensors, forward and backward, made for inputs of known shapes.
///
/// A file holds some of a kind, each with its formula, its forward and its backward pass, and what it does to places side by
/// side. They are tested together: against PyTorch, against finite differences, and where places have to go.
package protocol Operator: Sendable {
    /// As ONNX calls it.
    var name: String { get }
    /// What comes out.
    var shape: Shape { get }
    /// Multiplications or the like that a forward pass takes, about.
    var operations: Int { get }
    /// Whether `out` of `forward` may be the first input, where nobody else needs that one.
    var overwrites: Bool { get }

    /// out = f(inputs).
    ///
    /// - Throws: `VitvideoError.mathLibraryFailed`, `Cancellation.Cancelled`.
    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) throws

    /// Adds to the gradients by the inputs what reaches them from that by the output, `call.outGradient`.
    ///
    /// - Parameter gradients: as many as inputs; nil where none is wanted.
    /// - Throws: as `forward`.
    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) throws

    /// Which places the output's values stand for.
    ///
    /// - Returns: nil where that cannot be said.
    func places(_ inputs: [Places]) -> Places?
}

extension Operator {
    package var overwrites: Bool { false }
    package var operations: Int { shape.count }
}

/// A product that is as large as can be where it would be larger.
func saturating(_ factors: Int...) -> Int {
    factors.reduce(1) { product, factor in
        let (result, overflows) = product.multipliedReportingOverflow(by: factor)
        return overflows ? .max : result
    }
}

/// What an operator's backward pass starts from.
package struct BackwardCall {
    /// The gradient by the output.
    let outGradient: UnsafePointer<Float>
    /// What `forward` put out.
    let out: UnsafePointer<Float>
    /// What it was put in.
    let inputs: [UnsafePointer<Float>]
}

/// What operators compute with: workers that share a step, and matrix products.
package struct GraphContext {
    let pool: WorkerPool
    let product: MatrixProduct

    /// - Throws: `VitvideoError.mathLibraryMissing`.
    package init(pool: WorkerPool = WorkerPool(workers: 1)) throws {
        self.pool = pool
        product = try MatrixProduct()
    }

    /// Values that are not worth another thread's attention.
    private static let leastValues = 16_384

    /// Divides rows among the workers.
    ///
    /// - Parameters:
    ///   - width: values a row.
    ///   - body: given the first row and how many.
    /// - Throws: what `body` throws, `Cancellation.Cancelled`.
    @inline(__always)
    func forRows(_ rows: Int, width: Int, _ body: (_ first: Int, _ count: Int) throws -> Void) throws {
        let most = max(1, min(pool.count * 4, rows * max(width, 1) / Self.leastValues))
        if most == 1 || rows <= 1 { return try body(0, rows) }
        let share = (rows + most - 1) / most
        try pool.run(count: (rows + share - 1) / share) { index, _ in
            try body(index * share, min(share, rows - index * share))
        }
    }
}
