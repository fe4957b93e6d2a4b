import CKernels

/// The reverse of a block's feed-forward branch, in tiles of rows, its activations computed again.
final class FeedForwardBackward {
    private let c: Configuration
    private let product: MatrixProduct
    private let normed: FloatBuffer
    private let hidden: FloatBuffer
    private let activated: FloatBuffer
    private let hiddenGradient: FloatBuffer
    private let activatedGradient: FloatBuffer
    private let branch: FloatBuffer

    init(configuration c: Configuration, tokens: Int) throws {
        self.c = c
        product = try MatrixProduct()
        let tile = min(ForwardRecord.rowTile, tokens)
        let isGated = c.feedForward == .swiglu
        normed = FloatBuffer(tile * c.width)
        hidden = FloatBuffer(tile * (isGated ? 2 : 1) * c.feedForwardWidth)
        activated = FloatBuffer(tile * c.feedForwardWidth)
        // GELU's gradient is taken in place.
        hiddenGradient = FloatBuffer(isGated ? tile * 2 * c.feedForwardWidth : 0)
        activatedGradient = FloatBuffer(tile * c.feedForwardWidth)
        branch = FloatBuffer(tile * c.width)
    }

    /// Turns the gradient by what the block puts out into that by its middle state, in place.
    ///
    /// - Parameters:
    ///   - gradient: `tokens × D`.
    ///   - middle: `tokens × D`, the state after the attention branch.
    func run(
        block: Int, _ weights: BlockWeights, gradient: UnsafeMutablePointer<Float>,
        middle: UnsafePointer<Float>, tokens: Int, parameters: ParameterGradients?
    ) {
        for start in stride(from: 0, to: tokens, by: ForwardRecord.rowTile) {
            tile(
                "blocks.\(block).", weights, gradient: gradient + start * c.width,
                middle: middle + start * c.width, rows: min(ForwardRecord.rowTile, tokens - start), parameters
            )
        }
    }

    private func tile(
        _ name: String, _ weights: BlockWeights, gradient: UnsafeMutablePointer<Float>,
        middle: UnsafePointer<Float>, rows: Int, _ parameters: ParameterGradients?
    ) {
        let d = c.width
        let (norm, expand, contract) = (weights.norm2, weights.expand, weights.contract)
        let isGated = c.feedForward == .swiglu
        vv_layer_norm(normed.start, middle, norm.gamma, norm.beta, rows, d, c.layerNormEpsilon)
        product(
            hidden.start, stride: expand.outputs, normed.start, stride: d, expand.weight, stride: d,
            bTransposed: true, m: rows, n: expand.outputs, k: d)

        var unscaled = UnsafePointer(gradient)
        if let scale = weights.scale2 {
            vv_scale_columns(branch.start, gradient, scale, rows, d)
            unscaled = UnsafePointer(branch.start)
        }
        product(
            activatedGradient.start, stride: contract.inputs, unscaled, stride: d, contract.weight,
            stride: contract.inputs, bTransposed: false, m: rows, n: contract.inputs, k: d)
        if let parameters {
            activate(expand, rows: rows)
            parameters.addLinear(
                name + (isGated ? "mlp.w3" : "mlp.fc2"), gradient: unscaled, x: activated.start, rows: rows,
                outputs: d, inputs: contract.inputs)
            if weights.scale2 != nil {
                parameters.addScale(
                    name + "ls2.gamma", gradient: gradient, x: activated.start, layer: contract, rows: rows,
                    branch: branch.start)
            }
        }

        var byHidden = activatedGradient.start
        if isGated {
            byHidden = hiddenGradient.start
            vv_swiglu_backward(
                byHidden, activatedGradient.start, hidden.start, expand.bias, rows, contract.inputs)
        } else {
            vv_gelu_backward(byHidden, hidden.start, expand.bias, rows, contract.inputs)
        }
        parameters?.addLinear(
            name + (isGated ? "mlp.w12" : "mlp.fc1"), gradient: byHidden, x: normed.start, rows: rows,
            outputs: expand.outputs, inputs: d)
        product(
            branch.start, stride: d, byHidden, stride: expand.outputs, expand.weight, stride: d,
            bTransposed: false, m: rows, n: d, k: expand.outputs)
        norm.backward(
            name + "norm2", stateGradient: gradient, gradient: branch.start, x: middle, rows: rows,
            epsilon: c.layerNormEpsilon, parameters: parameters)
    }

    /// activated = act(hidden + b), hidden staying as it is.
    private func activate(_ expand: Linear, rows: Int) {
        if c.feedForward == .swiglu {
            vv_bias_swiglu(activated.start, hidden.start, expand.bias, rows, c.feedForwardWidth)
        } else {
            activated.start.update(from: hidden.start, count: rows * expand.outputs)
            vv_bias_gelu(activated.start, expand.bias, rows, expand.outputs)
        }
    }
}
