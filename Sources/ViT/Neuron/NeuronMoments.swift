/// What a block's neurons do over the patches of one picture: feed-forward neurons after the activation, for SwiGLU the
/// gated product.
package struct NeuronMoments: Sendable, Equatable {
    /// Of each neuron, over the patch tokens.
    package let mean: [Float]
    /// The mean of the squares, likewise.
    package let meanSquare: [Float]

    package init(mean: [Float], meanSquare: [Float]) {
        self.mean = mean
        self.meanSquare = meanSquare
    }

    /// The variance of a neuron over the patches of the picture.
    package func variance(_ neuron: Int) -> Double {
        let mean = Double(mean[neuron])
        return max(0, Double(meanSquare[neuron]) - mean * mean)
    }
}
