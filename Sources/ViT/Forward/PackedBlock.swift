import Base

/// One transformer block's weights, packed. LayerScale is folded into the layers it follows.
struct PackedBlock: Sendable {
    /// Before the queries', keys' and values' layer; in 8-bit integers smoothed with it.
    let norm1: Norm
    let qkv: any LinearLayer
    /// Of each head's query and key; nil where the model has none.
    let queryNorm: Norm?
    let keyNorm: Norm?
    /// Of the heads' outputs side by side; nil where the model has none.
    let attentionNorm: Norm?
    let proj: any LinearLayer
    /// Before `fc1`, and smoothed with it likewise.
    let norm2: Norm
    let fc1: any LinearLayer
    /// Of the hidden values after the activation; nil where the model has none.
    let hiddenNorm: Norm?
    let fc2: any LinearLayer
    /// What comes before attention in 32-bit floats, for the attention of a single token and for replaying:
    /// few blocks are asked for it.
    let attentionInput: Lazy<AttentionInput>

    init(_ index: Int, of model: Model, backend: any Backend, precision: Precision) throws {
        let c = model.configuration
        let storage = precision.storage
        let weights = try model.block(reading: index)
        attentionInput = Lazy { try model.block(reading: index).attentionInput }
        let smooths = precision == .int8
        let attention = (weights.norm1, weights.qkv)
        let feedForward = (weights.norm2, weights.fc1)
        let (norm1, qkv) = smooths ? smoothed(attention.0, attention.1) : attention
        let (norm2, fc1) = smooths ? smoothed(feedForward.0, feedForward.1) : feedForward
        self.norm1 = norm1
        queryNorm = weights.queryNorm
        keyNorm = weights.keyNorm
        attentionNorm = weights.attentionNorm
        hiddenNorm = weights.hiddenNorm
        self.norm2 = norm2
        self.qkv = try backend.makeLayer(qkv, .bias, precision, output: storage)
        proj = try backend.makeLayer(
            weights.proj.scaled(by: weights.ls1), .residual, precision, output: .float32)
        // A gated activation is taken in 32-bit floats from the product.
        self.fc1 = try backend.makeLayer(
            fc1, c.activation.isGated ? .bias : .activation(c.activation), precision,
            output: c.activation.isGated ? .float32 : storage)
        fc2 = try backend.makeLayer(
            weights.fc2.scaled(by: weights.ls2), .residual, precision, output: .float32)
    }
}

extension BlockWeights {
    /// What comes before the block's attention.
    var attentionInput: AttentionInput {
        AttentionInput(norm: norm1, qkv: qkv, queryNorm: queryNorm, keyNorm: keyNorm)
    }
}

extension Linear {
    /// The layer followed by a scaling of each output: scale ⊙ (x·Wᵀ + b) = x·(diag(scale)·W)ᵀ + scale ⊙ b.
    fileprivate func scaled(by scale: [Float]?) -> Linear {
        guard let scale else { return self }
        var weight = weight
        weight.withUnsafeMutableBufferPointer { weight in
            for row in 0..<outputs {
                for i in row * inputs..<(row + 1) * inputs { weight[i] *= scale[row] }
            }
        }
        return Linear(
            outputs: outputs, inputs: inputs, weight: weight, bias: zip(bias, scale).map { $0 * $1 })
    }
}
