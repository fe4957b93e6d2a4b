import Checkpoints

/// A linear layer: `y = x · weightᵀ + bias`.
package struct Linear: Sendable {
    package let outputs: Int
    package let inputs: Int
    /// `outputs × inputs`.
    package let weight: [Float]
    /// `outputs`.
    package let bias: [Float]
}

/// A LayerNorm's scale and shift.
package struct Norm: Sendable {
    package let gamma: [Float]
    package let beta: [Float]
}

/// The weights of one transformer block.
package struct BlockWeights: Sendable {
    package let norm1: Norm
    /// Queries, keys and values stacked: `3D × D`.
    package let queryKeyValue: Linear
    package let projection: Linear
    /// LayerScale of the attention branch, `D`; nil where the model has none.
    package let scale1: [Float]?
    package let norm2: Norm
    /// To the hidden layer; for SwiGLU gate and value stacked.
    package let expand: Linear
    package let contract: Linear
    /// LayerScale of the feed-forward branch.
    package let scale2: [Float]?
}

/// All weights of a model, as 32-bit floats.
package struct Weights: Sendable {
    package let patchEmbedding: Linear
    /// `1 × D`, and so on: the tokens before the patches, in order, with their positions already added.
    package let specialTokens: [Float]
    /// `nativeRows · nativeColumns × D`.
    package let patchPositions: [Float]
    package let blocks: [BlockWeights]
    package let norm: Norm
    /// Classifier on the class token, nil without one.
    package let head: Linear?
    /// Classifier on the distillation token.
    package let distillationHead: Linear?
    /// Classifier on class token and mean patch token.
    package let linearHead: LinearHead?

    /// - Parameter tensors: every tensor of `CanonicalNames.required(by: configuration)`, of that shape.
    init(
        configuration c: Configuration, linearHead: LinearHead? = nil,
        tensors: (String) throws -> [Float]
    ) rethrows {
        self.linearHead = linearHead
        func linear(_ name: String, _ outputs: Int, _ inputs: Int) throws -> Linear {
            Linear(
                outputs: outputs, inputs: inputs, weight: try tensors(name + ".weight"),
                bias: try tensors(name + ".bias"))
        }
        func norm(_ name: String) throws -> Norm {
            Norm(gamma: try tensors(name + ".weight"), beta: try tensors(name + ".bias"))
        }
        let d = c.width
        patchEmbedding = try linear("patch_embed.proj", d, c.patchValues)

        let positions = try tensors("pos_embed")
        var special = try tensors("cls_token")
        if c.hasDistillationToken { special += try tensors("dist_token") }
        for i in special.indices { special[i] += positions[i] }
        patchPositions = [Float](positions[special.count...])
        if c.registers > 0 { special += try tensors("register_tokens") }
        specialTokens = special

        blocks = try (0..<c.depth).map { i in
            let name = "blocks.\(i)."
            let gated = c.feedForward == .swiglu
            return BlockWeights(
                norm1: try norm(name + "norm1"),
                queryKeyValue: try linear(name + "attn.qkv", 3 * d, d),
                projection: try linear(name + "attn.proj", d, d),
                scale1: c.hasLayerScale ? try tensors(name + "ls1.gamma") : nil,
                norm2: try norm(name + "norm2"),
                expand: try linear(
                    name + (gated ? "mlp.w12" : "mlp.fc1"), (gated ? 2 : 1) * c.feedForwardWidth, d),
                contract: try linear(name + (gated ? "mlp.w3" : "mlp.fc2"), d, c.feedForwardWidth),
                scale2: c.hasLayerScale ? try tensors(name + "ls2.gamma") : nil)
        }
        self.norm = try norm("norm")
        head = c.classes > 0 ? try linear("head", c.classes, d) : nil
        distillationHead =
            c.classes > 0 && c.hasDistillationToken ? try linear("head_dist", c.classes, d) : nil
    }
}
