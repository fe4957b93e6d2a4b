import CKernels

/// A unit inside a block, as the mean over N patches of f(LayerNorm(x) · Wᵀ + b), where W has one row, and a gate's
/// row before it for SwiGLU: its value, and its gradient with respect to x.
///
///     n = LayerNorm(x), h = n·Wᵀ + b, value = Σ f(h) / N        dh = f'(h) / N, dn = dh·W, dx = LayerNorm'(dn)
struct UnitStart {
    private let norm: Norm
    private let epsilon: Float
    /// `rows × D`.
    private let weight: [Float]
    private let bias: [Float]
    /// f; nil for the identity.
    private let activation: Activation?

    /// A neuron of the feed-forward part; x is the block's middle.
    init(neuron index: Int, of weights: BlockWeights, _ c: Configuration) {
        norm = weights.norm2
        activation = c.activation
        // For SwiGLU gate and value stand F rows apart.
        let rows = c.activation.isGated ? [index, c.feedForwardWidth + index] : [index]
        weight = rows.flatMap { weights.fc1.weight[$0 * c.width..<($0 + 1) * c.width] }
        bias = rows.map { weights.fc1.bias[$0] }
        epsilon = c.layerNormEpsilon
    }

    /// The mean over some channels of a projection; x is what goes into the block. The mean of linear functions is
    /// the function of their mean weights.
    init(
        _ projection: ActivationTarget.Projection, channels: Range<Int>, of weights: BlockWeights,
        _ c: Configuration
    ) {
        norm = weights.norm1
        activation = nil
        var mean = [Float](repeating: 0, count: c.width)
        var meanBias: Float = 0
        for channel in channels {
            let row = projection.rawValue * c.width + channel
            for i in 0..<c.width { mean[i] += weights.qkv.weight[row * c.width + i] }
            meanBias += weights.qkv.bias[row]
        }
        weight = mean.map { $0 / Float(channels.count) }
        bias = [meanBias / Float(channels.count)]
        epsilon = c.layerNormEpsilon
    }

    /// - Parameters:
    ///   - x: the patches' rows, `count × D`.
    ///   - gradient: added to what reaches x, `count × D`; nil for the value alone.
    func run(
        _ x: UnsafePointer<Float>, count: Int, gradient: UnsafeMutablePointer<Float>?,
        _ product: MatrixProduct
    ) -> Float {
        let d = norm.gamma.count
        let units = bias.count
        let normalized = FloatBuffer(count * d)
        vv_layer_norm(normalized.start, x, norm.gamma, norm.beta, count, d, epsilon)
        let hidden = FloatBuffer(count * units)
        product(
            hidden.start, stride: units, normalized.start, stride: d, weight, stride: d, bTransposed: true,
            m: count, n: units, k: d)
        let activated = FloatBuffer(count)
        if let activation {
            activation.apply(activated.start, hidden.start, bias: bias, rows: count, width: 1)
        } else {
            for i in 0..<count { activated.start[i] = hidden.start[i] + bias[0] }
        }
        let value = UnsafeBufferPointer(start: activated.start, count: count).reduce(0, +) / Float(count)
        guard let gradient else { return value }

        let hiddenGradient = FloatBuffer(count * units)
        activated.start.update(repeating: 1 / Float(count), count: count)
        if let activation {
            activation.backward(
                hiddenGradient.start, activated.start, hidden: hidden.start, bias: bias, rows: count, width: 1
            )
        } else {
            hiddenGradient.start.update(from: activated.start, count: count)
        }
        // LayerNorm's output is no longer needed.
        product(
            normalized.start, stride: d, hiddenGradient.start, stride: units, weight, stride: d,
            bTransposed: false, m: count, n: d, k: units)
        norm.backward(
            residualGradient: gradient, gradient: normalized.start, x: x, rows: count, epsilon: epsilon)
        return value
    }
}
