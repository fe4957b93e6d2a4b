import Checkpoints

/// A linear layer: `y = x · weightᵀ + bias`.
package struct Linear: Sendable {
    package let outputs: Int
    package let inputs: Int
    /// `outputs × inputs`.
    package let weight: [Float]
    /// `outputs`; zeros where the checkpoint has none.
    package let bias: [Float]
}

/// A LayerNorm's scale and shift.
package struct Norm: Sendable {
    package let gamma: [Float]
    package let beta: [Float]
}

/// Gives a tensor of `CanonicalNames.required` by its name, in that shape.
typealias ReadTensor = (_ name: String) throws -> [Float]

/// The weights of one transformer block, as 32-bit floats, under the checkpoints' names.
package struct BlockWeights: Sendable {
    package let norm1: Norm
    /// Queries, keys and values stacked: `3D × D`.
    package let qkv: Linear
    /// Of each head's query and key, a head's width; nil where the model has none.
    let queryNorm: Norm?
    let keyNorm: Norm?
    /// Of the heads' outputs side by side; nil where the model has none.
    let attentionNorm: Norm?
    package let proj: Linear
    /// LayerScale of the attention branch, `D`; nil where the model has none.
    package let ls1: [Float]?
    package let norm2: Norm
    /// To the hidden layer; for SwiGLU gate and value stacked (`w12`).
    package let fc1: Linear
    /// After the activation, of the hidden values; nil where the model has none.
    let hiddenNorm: Norm?
    /// From the hidden layer (for SwiGLU `w3`).
    package let fc2: Linear
    /// LayerScale of the feed-forward branch.
    package let ls2: [Float]?

    /// - Parameter tensors: the block's part of `CanonicalNames.required(by: configuration)`.
    init(_ index: Int, of c: Configuration, tensors: ReadTensor) rethrows {
        let name = "blocks.\(index)."
        let d = c.width
        norm1 = try Norm(name + "norm1", tensors)
        qkv = Linear(
            outputs: 3 * d, inputs: d, weight: try tensors(name + "attn.qkv.weight"),
            bias: try BlockWeights.qkvBias(name + "attn.qkv.bias", c, tensors))
        queryNorm = c.normalizesQueriesAndKeys ? try Norm(name + "attn.q_norm", tensors) : nil
        keyNorm = c.normalizesQueriesAndKeys ? try Norm(name + "attn.k_norm", tensors) : nil
        attentionNorm = c.normalizesAttention ? try Norm(name + "attn.norm", tensors) : nil
        let hasBias = c.hasLinearBias
        proj = try Linear(name + "attn.proj", outputs: d, inputs: d, hasBias: hasBias, tensors)
        ls1 = c.hasLayerScale ? try tensors(name + "ls1.gamma") : nil
        norm2 = try Norm(name + "norm2", tensors)
        fc1 = try Linear(
            name + CanonicalNames.fc1(of: c), outputs: c.hiddenWidth, inputs: d, hasBias: hasBias, tensors)
        hiddenNorm = c.normalizesHidden ? try Norm(name + "mlp.norm", tensors) : nil
        fc2 = try Linear(
            name + CanonicalNames.fc2(of: c), outputs: d, inputs: c.feedForwardWidth, hasBias: hasBias,
            tensors)
        ls2 = c.hasLayerScale ? try tensors(name + "ls2.gamma") : nil
    }

    /// The bias of all three thirds, `3D`, zeros in those without one.
    private static func qkvBias(
        _ name: String, _ c: Configuration, _ tensors: ReadTensor
    ) rethrows -> [Float] {
        if c.qkvBias == .all { return try tensors(name) }
        var bias = [Float](repeating: 0, count: 3 * c.width)
        guard !c.qkvBias.isEmpty else { return bias }
        let stored = try tensors(name)
        for (index, third) in c.qkvBias.thirds.enumerated() {
            bias.replaceSubrange(
                third * c.width..<(third + 1) * c.width,
                with: stored[index * c.width..<(index + 1) * c.width])
        }
        return bias
    }
}

/// A model's weights without its blocks, as 32-bit floats.
package struct Weights: Sendable {
    package let patchEmbedding: Linear
    /// `specialTokens × D`: the tokens before the patches, in order, with their positions already added.
    package let specialTokens: [Float]
    /// The learned table's entries of the patches, `nativeRows · nativeColumns × D`; empty without a learned
    /// table.
    package let patchPositions: [Float]
    /// The periods of rotary positions, a quarter of a head's width; nil where they are computed.
    let rotaryPeriods: [Float]?
    /// Before the first block; nil where the model has none.
    package let normPre: Norm?
    /// The tables of relative positions, `entries × heads` each: of every block, or one for all; empty for a model
    /// without.
    let biasTables: [[Float]]
    /// After the last block; nil for a model without.
    package let norm: Norm?
    /// Of the pooled feature that the classifier reads; nil for a model without.
    package let poolingNorm: Norm?
    /// What gathers the classifier's feature from the patches, for `Pooling.attentionProbe`.
    let attentionProbe: AttentionProbeWeights?
    /// Classifier on the pooled feature, nil without one.
    package let head: Linear?
    /// Classifier on the distillation token.
    package let distillationHead: Linear?
    /// Classifier on class token and mean patch token.
    package let linearHead: LinearHead?

    /// - Parameter tensors: every tensor of `CanonicalNames.required(by: configuration)` but for the blocks'.
    init(
        configuration c: Configuration, rotaryPeriods: [Float]? = nil, linearHead: LinearHead? = nil,
        tensors: ReadTensor
    ) rethrows {
        self.linearHead = linearHead
        self.rotaryPeriods = rotaryPeriods
        let d = c.width
        patchEmbedding = Linear(
            outputs: d, inputs: c.patchValues,
            weight: GreyInput.colored(try tensors("patch_embed.proj.weight"), of: c),
            bias: c.hasPatchBias ? try tensors("patch_embed.proj.bias") : [Float](repeating: 0, count: d))

        var special = try c.prefix.parts.flatMap { try tensors($0.name) }
        if case .learned = c.position {
            let positions = try tensors("pos_embed")
            let entries = c.positionedSpecialTokens * d
            for i in 0..<entries { special[i] += positions[i] }
            patchPositions = [Float](positions[entries...])
        } else {
            patchPositions = []
        }
        specialTokens = special

        normPre = c.normalizesBeforeBlocks ? try Norm("norm_pre", tensors) : nil
        biasTables =
            switch c.relativePositions {
            case .perBlock: try (0..<c.depth).map { try tensors(CanonicalNames.biasTable("blocks.\($0).")) }
            case .shared: [try tensors(CanonicalNames.sharedBiasTable)]
            case nil: []
            }
        norm = c.hasFinalNorm ? try Norm("norm", tensors) : nil
        poolingNorm = c.hasPoolingNorm ? try Norm("fc_norm", tensors) : nil
        attentionProbe = c.pooling == .attentionProbe ? try AttentionProbeWeights(c, tensors) : nil
        head = c.classes > 0 ? try Linear("head", outputs: c.classes, inputs: d, tensors) : nil
        distillationHead =
            c.classes > 0 && c.hasDistillationHead
            ? try Linear("head_dist", outputs: c.classes, inputs: d, tensors) : nil
    }
}

/// The weights of `AttentionProbe`.
struct AttentionProbeWeights: Sendable {
    /// The learned query, `D`, before `q`.
    let latent: [Float]
    let q: Linear
    /// Keys and values stacked: `2D × D`.
    let kv: Linear
    let proj: Linear
    let norm: Norm
    let fc1: Linear
    let fc2: Linear

    fileprivate init(_ c: Configuration, _ tensors: ReadTensor) rethrows {
        let (name, d) = ("attn_pool.", c.width)
        latent = try tensors(name + "latent")
        let stacked = try Linear(name + "in_proj", outputs: 3 * d, inputs: d, tensors)
        q = Linear(
            outputs: d, inputs: d, weight: Array(stacked.weight[..<(d * d)]), bias: Array(stacked.bias[..<d]))
        kv = Linear(
            outputs: 2 * d, inputs: d, weight: Array(stacked.weight[(d * d)...]),
            bias: Array(stacked.bias[d...]))
        proj = try Linear(name + "proj", outputs: d, inputs: d, tensors)
        norm = try Norm(name + "norm", tensors)
        fc1 = try Linear(name + CanonicalNames.fc1(of: c), outputs: c.hiddenWidth, inputs: d, tensors)
        fc2 = try Linear(name + CanonicalNames.fc2(of: c), outputs: d, inputs: c.feedForwardWidth, tensors)
    }
}

extension Linear {
    fileprivate init(
        _ name: String, outputs: Int, inputs: Int, hasBias: Bool = true, _ tensors: ReadTensor
    ) rethrows {
        self.init(
            outputs: outputs, inputs: inputs, weight: try tensors(name + ".weight"),
            bias: hasBias ? try tensors(name + ".bias") : [Float](repeating: 0, count: outputs))
    }
}

extension Norm {
    fileprivate init(_ name: String, _ tensors: ReadTensor) rethrows {
        self.init(gamma: try tensors(name + ".weight"), beta: try tensors(name + ".bias"))
    }
}
