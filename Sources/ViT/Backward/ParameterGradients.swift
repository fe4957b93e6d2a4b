import CKernels

/// The gradients with respect to a model's parameters, under their canonical names, as they add up. Those of
/// an attention probe and of tables of relative positions are not taken.
final class ParameterGradients {
    private var buffers: [String: FloatBuffer] = [:]
    private let product: MatrixProduct
    private let transposed: FloatBuffer

    /// Rows whose contribution to a weight is taken in one product.
    private static let rowTile = 256

    init(configuration c: Configuration) throws {
        product = try MatrixProduct()
        let required = CanonicalNames.required(by: c).filter {
            !$0.name.hasPrefix("attn_pool.") && !$0.name.hasSuffix("relative_position_bias_table")
        }
        for (name, shape) in required {
            let buffer = FloatBuffer(shape.reduce(1, *))
            buffer.clear()
            buffers[name] = buffer
        }
        let widest = required.map { $0.shape[0] }.max() ?? 0
        transposed = FloatBuffer(widest * ParameterGradients.rowTile)
    }

    /// A parameter's gradient, to add to.
    subscript(name: String) -> UnsafeMutablePointer<Float> {
        guard let buffer = buffers[name] else { preconditionFailure("the model has no parameter \(name)") }
        return buffer.start
    }

    /// Hands everything over.
    func take() -> [String: [Float]] {
        var values: [String: [Float]] = [:]
        while let (name, buffer) = buffers.popFirst() {
            values[name] = [Float](UnsafeBufferPointer(start: buffer.start, count: buffer.count))
        }
        return values
    }

    /// Adds `count` values to those of a parameter from `offset` on.
    func add(_ gradient: UnsafePointer<Float>, count: Int, to name: String, offset: Int = 0) {
        vv_add_bias(self[name] + offset, gradient, 1, count)
    }

    /// A linear layer y = x · Wᵀ + b: dW += dyᵀ · x and db += Σ dy over the rows; a layer without bias has no
    /// db.
    ///
    /// - Parameters:
    ///   - gradient: dy, `rows × outputs`.
    ///   - x: `rows × inputs`.
    func addLinear(
        _ name: String, gradient: UnsafePointer<Float>, x: UnsafePointer<Float>, rows: Int, outputs: Int,
        inputs: Int
    ) {
        if let bias = buffers[name + ".bias"] { vv_add_column_sums(bias.start, gradient, rows, outputs) }
        addWeight(name, gradient: gradient, x: x, rows: rows, outputs: outputs, inputs: inputs)
    }

    /// As `addLinear` for queries, keys and values, whose bias holds the thirds of `Configuration.qkvBias`.
    ///
    /// - Parameters:
    ///   - gradient: `rows × 3D`.
    ///   - x: `rows × D`.
    func addQKV(
        _ name: String, gradient: UnsafePointer<Float>, x: UnsafePointer<Float>, rows: Int, _ c: Configuration
    ) {
        var sums = [Float](repeating: 0, count: 3 * c.width)
        vv_add_column_sums(&sums, gradient, rows, 3 * c.width)
        for (index, third) in c.qkvBias.thirds.enumerated() {
            add(
                Array(sums[third * c.width..<(third + 1) * c.width]), count: c.width, to: name + ".bias",
                offset: index * c.width)
        }
        addWeight(name, gradient: gradient, x: x, rows: rows, outputs: 3 * c.width, inputs: c.width)
    }

    private func addWeight(
        _ name: String, gradient: UnsafePointer<Float>, x: UnsafePointer<Float>, rows: Int, outputs: Int,
        inputs: Int
    ) {
        let weight = self[name + ".weight"]
        for start in stride(from: 0, to: rows, by: ParameterGradients.rowTile) {
            let count = min(ParameterGradients.rowTile, rows - start)
            vv_transpose(transposed.start, gradient + start * outputs, count, outputs, outputs)
            product(
                weight, stride: inputs, transposed.start, stride: count, x + start * inputs, stride: inputs,
                bTransposed: false, m: outputs, n: inputs, k: count, beta: 1)
        }
    }

    /// A LayerScale y = scale ⊙ (x · Wᵀ + b): dscale += Σ dy ⊙ (x · Wᵀ + b) over the rows.
    ///
    /// - Parameters:
    ///   - gradient: dy, `rows × outputs`.
    ///   - branch: scratch, `rows × outputs`.
    func addScale(
        _ name: String, gradient: UnsafePointer<Float>, x: UnsafePointer<Float>, layer: Linear, rows: Int,
        branch: UnsafeMutablePointer<Float>
    ) {
        product(
            branch, stride: layer.outputs, x, stride: layer.inputs, layer.weight, stride: layer.inputs,
            bTransposed: true, m: rows, n: layer.outputs, k: layer.inputs)
        vv_add_column_products(self[name], gradient, branch, layer.bias, rows, layer.outputs)
    }
}

extension Norm {
    /// Of y = LayerNorm(x): adds to `residualGradient` what reaches x from dy, both `rows × D`; the formula
    /// is that of `vv_layer_norm_backward`.
    ///
    /// - Parameters:
    ///   - gradient: dy.
    ///   - parameters: where the gradients of scale and shift are wanted, what they are added to under
    ///     `name`.
    func backward(
        _ name: String = "", residualGradient: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        x: UnsafePointer<Float>, rows: Int, epsilon: Float, parameters: ParameterGradients? = nil
    ) {
        vv_layer_norm_backward(
            residualGradient, parameters?[name + ".weight"], parameters?[name + ".bias"], gradient, x, gamma,
            rows, gamma.count, epsilon)
    }
}
