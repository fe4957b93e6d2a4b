import CKernels

/// The gradients by a model's parameters, under their canonical names, as they add up.
final class ParameterGradients {
    private var buffers: [String: FloatBuffer] = [:]
    private let product: MatrixProduct
    private let transposed: FloatBuffer

    /// Rows whose contribution to a weight is taken in one product.
    private static let rowTile = 256

    init(configuration c: Configuration) throws {
        product = try MatrixProduct()
        let required = CanonicalNames.required(by: c)
        for (name, shape) in required {
            let buffer = FloatBuffer(shape.reduce(1, *))
            buffer.clear()
            buffers[name] = buffer
        }
        let widest = required.map { $0.shape[0] }.max() ?? 0
        transposed = FloatBuffer(widest * ParameterGradients.rowTile)
    }

    /// A parameter's gradient, to be added to.
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

    /// A linear layer y = x · Wᵀ + b: W += gradientᵀ · x and b += the gradient's column sums.
    ///
    /// - Parameters:
    ///   - gradient: `rows × outputs`, by y.
    ///   - x: `rows × inputs`.
    func addLinear(
        _ name: String, gradient: UnsafePointer<Float>, x: UnsafePointer<Float>, rows: Int, outputs: Int,
        inputs: Int
    ) {
        vv_add_column_sums(self[name + ".bias"], gradient, rows, outputs)
        let weight = self[name + ".weight"]
        for start in stride(from: 0, to: rows, by: ParameterGradients.rowTile) {
            let count = min(ParameterGradients.rowTile, rows - start)
            vv_transpose(transposed.start, gradient + start * outputs, count, outputs, outputs)
            product(
                weight, stride: inputs, transposed.start, stride: count, x + start * inputs, stride: inputs,
                bTransposed: false, m: outputs, n: inputs, k: count, beta: 1)
        }
    }

    /// A LayerScale y = scale ⊙ (x · Wᵀ + b): what the branch would have put out unscaled is computed again.
    ///
    /// - Parameters:
    ///   - gradient: `rows × outputs`, by y.
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
    /// Adds to `stateGradient` what reaches the LayerNorm's input `x` from `gradient` by its output, both
    /// `rows × D`, and to the gradients of scale and shift theirs, where parameters are wanted.
    func backward(
        _ name: String, stateGradient: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        x: UnsafePointer<Float>, rows: Int, epsilon: Float, parameters: ParameterGradients?
    ) {
        vv_layer_norm_backward(
            stateGradient, parameters?[name + ".weight"], parameters?[name + ".bias"], gradient, x, gamma,
            rows,
            gamma.count, epsilon)
    }
}
