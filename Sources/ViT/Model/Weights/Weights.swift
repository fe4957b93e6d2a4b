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

/// The weights of one transformer block, as 32-bit floats.
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

    /// - Parameter tensors: every tensor of `CanonicalNames.required(by: configuration)`, of that shape.
    init(_ index: Int, of c: Configuration, tensors: (String) throws -> [Float]) rethrows {
        let name = "blocks.\(index)."
        let d = c.width
        let gated = c.feedForward == .swiglu
        norm1 = try Norm(name + "norm1", tensors)
        queryKeyValue = try Linear(name + "attn.qkv", outputs: 3 * d, inputs: d, tensors)
        projection = try Linear(name + "attn.proj", outputs: d, inputs: d, tensors)
        scale1 = c.hasLayerScale ? try tensors(name + "ls1.gamma") : nil
        norm2 = try Norm(name + "norm2", tensors)
        expand = try Linear(
            name + (gated ? "mlp.w12" : "mlp.fc1"), outputs: (gated ? 2 : 1) * c.feedForwardWidth, inputs: d,
            tensors)
        contract = try Linear(
            name + (gated ? "mlp.w3" : "mlp.fc2"), outputs: d, inputs: c.feedForwardWidth, tensors)
        scale2 = c.hasLayerScale ? try tensors(name + "ls2.gamma") : nil
    }
}

/// A model's weights but for its blocks, as 32-bit floats.
package struct Weights: Sendable {
    package let patchEmbedding: Linear
    /// `1 × D`, and so on: the tokens before the patches, in order, with their positions already added.
    package let specialTokens: [Float]
    /// `nativeRows · nativeColumns × D`.
    package let patchPositions: [Float]
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
        let d = c.width
        patchEmbedding = try Linear("patch_embed.proj", outputs: d, inputs: c.patchValues, tensors)

        let positions = try tensors("pos_embed")
        var special = try tensors("cls_token")
        if c.hasDistillationToken { special += try tensors("dist_token") }
        for i in special.indices { special[i] += positions[i] }
        patchPositions = [Float](positions[special.count...])
        if c.registers > 0 { special += try tensors("register_tokens") }
        specialTokens = special

        norm = try Norm("norm", tensors)
        head = c.classes > 0 ? try Linear("head", outputs: c.classes, inputs: d, tensors) : nil
        distillationHead =
            c.classes > 0 && c.hasDistillationToken
            ? try Linear("head_dist", outputs: c.classes, inputs: d, tensors) : nil
    }
}

extension Linear {
    fileprivate init(
        _ name: String, outputs: Int, inputs: Int, _ tensors: (String) throws -> [Float]
    ) rethrows {
        self.init(
            outputs: outputs, inputs: inputs, weight: try tensors(name + ".weight"),
            bias: try tensors(name + ".bias"))
    }
}

extension Norm {
    fileprivate init(_ name: String, _ tensors: (String) throws -> [Float]) rethrows {
        self.init(gamma: try tensors(name + ".weight"), beta: try tensors(name + ".bias"))
    }
}
