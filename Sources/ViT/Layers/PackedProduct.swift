/// y = x·Wᵀ + b with weights that stay, packed for the library that is best here: for the modules that compute models of
/// another build. Shared by all workers.
package final class PackedProduct: Sendable {
    private let linear: Linear
    private let layer: any LinearLayer
    private let product: MatrixProduct

    /// Rows that are worth a thread's while, and few enough that what they become stays in the second-level cache.
    package static let rowTile = 256

    package var inputs: Int { linear.inputs }
    package var outputs: Int { linear.outputs }

    /// - Parameters:
    ///   - weight: `outputs × inputs`.
    ///   - bias: `outputs`.
    /// - Throws: `VitvideoError.mathLibraryMissing`, `VitvideoError.mathLibraryFailed`.
    package init(weight: [Float], bias: [Float], inputs: Int, outputs: Int) throws {
        linear = Linear(outputs: outputs, inputs: inputs, weight: weight, bias: bias)
        layer = try Engine.backend(.auto).0.makeLayer(linear, .bias, .float32, output: .float32)
        product = try MatrixProduct()
    }

    /// - Parameters:
    ///   - y: `rows × outputs`.
    ///   - x: `rows × inputs`.
    /// - Throws: `VitvideoError.mathLibraryFailed`.
    package func apply(_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int) throws {
        guard rows > 0 else { return }
        // Only a layer in 8-bit integers uses scratch.
        try layer.apply(rows: rows, input: x, output: y, scratch: y)
    }

    /// dx += dy·W.
    ///
    /// - Parameters:
    ///   - dx: `rows × inputs`.
    ///   - dy: `rows × outputs`.
    package func addBackward(_ dx: UnsafeMutablePointer<Float>, _ dy: UnsafePointer<Float>, rows: Int) {
        guard rows > 0 else { return }
        product(
            dx, stride: inputs, dy, stride: outputs, linear.weight, stride: inputs, bTransposed: false,
            m: rows, n: inputs, k: outputs, beta: 1)
    }
}
