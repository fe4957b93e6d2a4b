import Glibc

/// Adam (Kingma & Ba 2015) over one array, without weight decay, as PyTorch computes it:
///
///     m = β₁m + (1 − β₁)g,  v = β₂v + (1 − β₂)g²,  x −= rate/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
package struct Adam: Sendable {
    package static let beta1 = 0.5
    package static let beta2 = 0.99
    package static let epsilon: Float = 1e-8

    private var mean: [Float]
    private var square: [Float]
    private var step = 0

    package init(count: Int) {
        mean = [Float](repeating: 0, count: count)
        square = mean
    }

    /// Moves the values against their gradient.
    package mutating func update(_ values: inout [Float], gradient: [Float], learningRate: Float) {
        step += 1
        let rate = Float(Double(learningRate) / (1 - pow(Self.beta1, Double(step))))
        let correction = Float(1 / (1 - pow(Self.beta2, Double(step))).squareRoot())
        let (beta1, beta2) = (Float(Self.beta1), Float(Self.beta2))
        for i in values.indices {
            let g = gradient[i]
            mean[i] = beta1 * mean[i] + (1 - beta1) * g
            square[i] = beta2 * square[i] + (1 - beta2) * g * g
            values[i] -= rate * mean[i] / (square[i].squareRoot() * correction + Self.epsilon)
        }
    }
}
