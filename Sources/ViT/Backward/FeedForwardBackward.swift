import Base
import CKernels

/// The backward pass of a block's feed-forward branch, in tiles of rows, its activations computed a second
/// time.
///
///     forward                                   backward, g with respect to y, the block's output
///     n = LayerNorm(x)                          dx = g + LayerNorm'(dn)
///     h = n · W₁ᵀ + b₁                          dn = dh · W₁,    dW₁ = dhᵀ · n,  db₁ = Σ dh
///     a = act(h)                                dh = da ⊙ act'(h)
///     y = x + ls₂ ⊙ (a · W₂ᵀ + b₂)              da = f · W₂,    dW₂ = fᵀ · a,   db₂ = Σ f,  with f = ls₂ ⊙ g
///
/// Shapes: x, n, y, g, f `rows × D`; h `rows × hiddenWidth`; a `rows × feedForwardWidth`.
final class FeedForwardBackward {
    private let c: Configuration
    private let product: MatrixProduct
    /// n.
    private let normalized: FloatBuffer
    /// h without its bias.
    private let hidden: FloatBuffer
    /// a.
    private let activated: FloatBuffer
    /// dh.
    private let hiddenGradient: FloatBuffer
    /// da.
    private let activatedGradient: FloatBuffer
    private let branch: FloatBuffer

    init(configuration c: Configuration, tokens: Int) throws {
        self.c = c
        product = try MatrixProduct()
        let tile = min(ForwardRecord.rowTile, tokens)
        normalized = FloatBuffer(tile * c.width)
        hidden = FloatBuffer(tile * c.hiddenWidth)
        activated = FloatBuffer(tile * c.feedForwardWidth)
        activatedGradient = FloatBuffer(tile * c.feedForwardWidth)
        // Without a gate dh takes the place of da.
        hiddenGradient = c.activation.isGated ? FloatBuffer(tile * c.hiddenWidth) : activatedGradient
        branch = FloatBuffer(tile * c.width)
    }

    /// Turns the gradient with respect to the block's output into that with respect to its middle, in place.
    ///
    /// - Parameters:
    ///   - gradient: `tokens × D`.
    ///   - middle: x, `tokens × D`, the residual stream after the attention branch.
    func run(
        block: Int, _ weights: BlockWeights, gradient: UnsafeMutablePointer<Float>,
        middle: UnsafePointer<Float>, tokens: Int, parameters: ParameterGradients?
    ) throws {
        for start in stride(from: 0, to: tokens, by: ForwardRecord.rowTile) {
            try Cancellation.check()
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
        let (norm, fc1, fc2) = (weights.norm2, weights.fc1, weights.fc2)
        // n and h, once more.
        vv_layer_norm(normalized.start, middle, norm.gamma, norm.beta, rows, d, c.layerNormEpsilon)
        product(
            hidden.start, stride: fc1.outputs, normalized.start, stride: d, fc1.weight, stride: d,
            bTransposed: true, m: rows, n: fc1.outputs, k: d)

        // da = (ls₂ ⊙ g) · W₂
        var scaled = UnsafePointer(gradient)
        if let ls2 = weights.ls2 {
            vv_scale_columns(branch.start, gradient, ls2, rows, d)
            scaled = UnsafePointer(branch.start)
        }
        product(
            activatedGradient.start, stride: fc2.inputs, scaled, stride: d, fc2.weight, stride: fc2.inputs,
            bTransposed: false, m: rows, n: fc2.inputs, k: d)
        if let parameters {
            c.activation.apply(
                activated.start, hidden.start, bias: fc1.bias, rows: rows, width: c.feedForwardWidth)
            parameters.addLinear(
                name + CanonicalNames.fc2(of: c), gradient: scaled, x: activated.start, rows: rows,
                outputs: d, inputs: fc2.inputs)
            if weights.ls2 != nil {
                parameters.addScale(
                    name + "ls2.gamma", gradient: gradient, x: activated.start, layer: fc2, rows: rows,
                    branch: branch.start)
            }
        }

        // dh = da ⊙ act'(h)
        c.activation.backward(
            hiddenGradient.start, activatedGradient.start, hidden: hidden.start, bias: fc1.bias, rows: rows,
            width: fc2.inputs)
        parameters?.addLinear(
            name + CanonicalNames.fc1(of: c), gradient: hiddenGradient.start, x: normalized.start, rows: rows,
            outputs: fc1.outputs, inputs: d)
        // dn = dh · W₁, then dx = g + LayerNorm'(dn)
        product(
            branch.start, stride: d, hiddenGradient.start, stride: fc1.outputs, fc1.weight, stride: d,
            bTransposed: false, m: rows, n: d, k: fc1.outputs)
        norm.backward(
            name + "norm2", residualGradient: gradient, gradient: branch.start, x: middle, rows: rows,
            epsilon: c.layerNormEpsilon, parameters: parameters)
    }
}
