import Base
import CKernels

/// The backward pass of a block's feed-forward branch, in tiles of rows, its activations computed a second
/// time where they are not kept.
///
///     forward                                   backward, g with respect to y, the block's output
///     n = LayerNorm(x)                          dx = g + LayerNorm'(dn)
///     h = n · W₁ᵀ + b₁                          dn = dh · W₁,    dW₁ = dhᵀ · n,  db₁ = Σ dh
///     a = act(h)                                dh = da ⊙ act'(h)
///     m = M(a)                                  da = M'(dm)
///     y = x + ls₂ ⊙ (m · W₂ᵀ + b₂)              dm = f · W₂,    dW₂ = fᵀ · m,   db₂ = Σ f,  with f = ls₂ ⊙ g
///
/// Shapes: x, n, y, g, f `rows × D`; h `rows × hiddenWidth`; a, m `rows × feedForwardWidth`. M is the hidden values'
/// LayerNorm where the model has one, else m is a.
final class FeedForwardBackward {
    private let c: Configuration
    /// n.
    private let normalized: FloatBuffer
    /// h without its bias.
    private let hidden: FloatBuffer
    /// a, then m.
    private let activated: FloatBuffer
    /// dh.
    private let hiddenGradient: FloatBuffer
    /// da; dm where there is no norm between them.
    private let activatedGradient: FloatBuffer
    /// dm where there is one; else empty.
    private let normedGradient: FloatBuffer
    private let branch: FloatBuffer
    private let tiles: RowTiles

    init(engine: GradientEngine, tokens: Int) {
        let c = engine.model.configuration
        self.c = c
        tiles = RowTiles(rows: tokens, most: engine.rowTile)
        let tile = tiles.most
        normalized = FloatBuffer(tile * c.width)
        hidden = FloatBuffer(tile * c.hiddenWidth)
        activated = FloatBuffer(tile * c.feedForwardWidth)
        activatedGradient = FloatBuffer(tile * c.feedForwardWidth)
        normedGradient = FloatBuffer(c.normalizesHidden ? tile * c.feedForwardWidth : 0)
        // Without a gate dh takes the place of da.
        hiddenGradient = c.activation.isGated ? FloatBuffer(tile * c.hiddenWidth) : activatedGradient
        branch = FloatBuffer(tile * c.width)
    }

    /// Turns the gradient with respect to the block's output into that with respect to its middle, in place.
    ///
    /// - Parameters:
    ///   - gradient: `tokens × D`.
    /// - Throws: `Cancellation.Cancelled`, `VitvideoError.mathLibraryFailed`.
    func run(
        block: Int, of record: ForwardRecord, gradient: UnsafeMutablePointer<Float>,
        parameters: ParameterGradients?
    ) throws {
        for (start, count) in tiles {
            try Cancellation.check()
            try tile(
                "blocks.\(block).", record.engine.blocks[block], gradient: gradient + start * c.width,
                middle: record.middle(block) + start * c.width,
                kept: record.keptActivation(of: block).map { $0 + start * c.hiddenWidth }, rows: count,
                parameters)
        }
    }

    /// - Parameter kept: what the activation has left; nil to compute h again, which parameters need.
    private func tile(
        _ name: String, _ layers: TwoWayBlock, gradient: UnsafeMutablePointer<Float>,
        middle: UnsafePointer<Float>, kept: UnsafePointer<Float>?, rows: Int,
        _ parameters: ParameterGradients?
    ) throws {
        let d = c.width
        let weights = layers.weights
        let (norm, fc1, fc2) = (weights.norm2, weights.fc1, weights.fc2)
        precondition(kept == nil || parameters == nil, "parameters need what is computed again")
        if kept == nil {
            // n and h, once more.
            vv_layer_norm(normalized.start, middle, norm.gamma, norm.beta, rows, d, c.layerNormEpsilon)
            try layers.fc1.forward(hidden.start, normalized.start, rows: rows)
        }

        // dm = (ls₂ ⊙ g) · W₂
        var scaled = UnsafePointer(gradient)
        if let ls2 = weights.ls2 {
            vv_scale_columns(branch.start, gradient, ls2, rows, d)
            scaled = UnsafePointer(branch.start)
        }
        let width = c.feedForwardWidth
        if parameters != nil || weights.hiddenNorm != nil {
            c.activation.apply(activated.start, hidden.start, bias: fc1.bias, rows: rows, width: width)
        }
        if let norm = weights.hiddenNorm {
            // da = M'(dm)
            try layers.fc2.backward(normedGradient.start, scaled, rows: rows)
            activatedGradient.start.update(repeating: 0, count: rows * width)
            norm.backward(
                name + "mlp.norm", residualGradient: activatedGradient.start, gradient: normedGradient.start,
                x: activated.start, rows: rows, epsilon: c.layerNormEpsilon, parameters: parameters)
            vv_layer_norm(
                activated.start, activated.start, norm.gamma, norm.beta, rows, width, c.layerNormEpsilon)
        } else {
            try layers.fc2.backward(activatedGradient.start, scaled, rows: rows)
        }
        if let parameters {
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
        if let kept {
            c.activation.backward(
                hiddenGradient.start, activatedGradient.start, kept: kept, bias: fc1.bias, rows: rows,
                width: fc2.inputs)
        } else {
            c.activation.backward(
                hiddenGradient.start, activatedGradient.start, hidden: hidden.start, bias: fc1.bias,
                rows: rows, width: fc2.inputs)
        }
        parameters?.addLinear(
            name + CanonicalNames.fc1(of: c), gradient: hiddenGradient.start, x: normalized.start, rows: rows,
            outputs: fc1.outputs, inputs: d)
        // dn = dh · W₁, then dx = g + LayerNorm'(dn)
        try layers.fc1.backward(branch.start, hiddenGradient.start, rows: rows)
        norm.backward(
            name + "norm2", residualGradient: gradient, gradient: branch.start, x: middle, rows: rows,
            epsilon: c.layerNormEpsilon, parameters: parameters)
    }
}
