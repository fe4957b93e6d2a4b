/// The tensor names and shapes the engine works with: those of torch.hub's DINOv2 and of timm.
package enum CanonicalNames {
    package typealias Tensor = (name: String, shape: [Int])

    /// Every tensor that a model of this configuration has, with its shape, in the order of the data flow.
    package static func required(by c: Configuration) -> [Tensor] {
        var list = c.prefix.parts.map { (name: $0.name, shape: [1, $0.count, c.width]) }
        if case .learned = c.position {
            list.append(
                ("pos_embed", [1, c.positionedSpecialTokens + c.nativeRows * c.nativeColumns, c.width]))
        }
        if c.relativePositions == .shared { list.append((sharedBiasTable, biasTableShape(c))) }
        list.append(("patch_embed.proj.weight", [c.width, c.inputChannels, c.patchSize, c.patchSize]))
        if c.hasPatchBias { list.append(("patch_embed.proj.bias", [c.width])) }
        if c.normalizesBeforeBlocks { list += norm("norm_pre", c.width) }
        for index in 0..<c.depth { list += required(byBlock: index, of: c) }
        if c.hasFinalNorm { list += norm("norm", c.width) }
        if c.hasPoolingNorm { list += norm("fc_norm", c.width) }
        if c.pooling == .attentionProbe { list += attentionProbe(c) }
        if c.classes > 0 {
            list += linear("head", c.classes, c.width)
            if c.hasDistillationHead { list += linear("head_dist", c.classes, c.width) }
        }
        return list
    }

    /// Every tensor of a block.
    static func required(byBlock index: Int, of c: Configuration) -> [Tensor] {
        let (name, d) = ("blocks.\(index).", c.width)
        var list = norm(name + "norm1", d)
        list.append((name + "attn.qkv.weight", [3 * d, d]))
        let biases = c.qkvBias.thirds.count
        if biases > 0 { list.append((name + "attn.qkv.bias", [biases * d])) }
        if c.normalizesQueriesAndKeys {
            list += norm(name + "attn.q_norm", c.headWidth) + norm(name + "attn.k_norm", c.headWidth)
        }
        if c.relativePositions == .perBlock { list.append((biasTable(name), biasTableShape(c))) }
        func linear(_ name: String, _ outputs: Int, _ inputs: Int) -> [Tensor] {
            Array(self.linear(name, outputs, inputs).prefix(c.hasLinearBias ? 2 : 1))
        }
        if c.normalizesAttention { list += norm(name + "attn.norm", d) }
        list += linear(name + "attn.proj", d, d)
        if c.hasLayerScale { list.append((name + "ls1.gamma", [d])) }
        list += norm(name + "norm2", d)
        list += linear(name + fc1(of: c), c.hiddenWidth, d)
        if c.normalizesHidden { list += norm(name + "mlp.norm", c.feedForwardWidth) }
        list += linear(name + fc2(of: c), d, c.feedForwardWidth)
        if c.hasLayerScale { list.append((name + "ls2.gamma", [d])) }
        return list
    }

    /// A block's table of relative positions.
    static func biasTable(_ block: String) -> String { block + "attn.relative_position_bias_table" }

    /// The one that serves all blocks.
    static let sharedBiasTable = "rel_pos_bias.relative_position_bias_table"

    /// An entry for every distance in rows and columns, then those of class token to patch, patch to class token and
    /// class token to itself; by head.
    private static func biasTableShape(_ c: Configuration) -> [Int] {
        [(2 * c.nativeRows - 1) * (2 * c.nativeColumns - 1) + 3, c.heads]
    }

    /// timm's names (`AttentionPoolLatent`), but for queries, keys and values stacked.
    private static func attentionProbe(_ c: Configuration) -> [Tensor] {
        let d = c.width
        return [("attn_pool.latent", [1, 1, d])] + linear("attn_pool.in_proj", 3 * d, d)
            + linear("attn_pool.proj", d, d) + norm("attn_pool.norm", d)
            + linear("attn_pool." + fc1(of: c), c.hiddenWidth, d)
            + linear("attn_pool." + fc2(of: c), d, c.feedForwardWidth)
    }

    /// What `fc1` and `fc2` of the feed-forward part are called: for SwiGLU as in DINOv2.
    static func fc1(of c: Configuration) -> String { c.activation.isGated ? "mlp.w12" : "mlp.fc1" }

    static func fc2(of c: Configuration) -> String { c.activation.isGated ? "mlp.w3" : "mlp.fc2" }

    private static func linear(_ name: String, _ outputs: Int, _ inputs: Int) -> [Tensor] {
        [(name + ".weight", [outputs, inputs]), (name + ".bias", [outputs])]
    }

    private static func norm(_ name: String, _ width: Int) -> [Tensor] {
        [(name + ".weight", [width]), (name + ".bias", [width])]
    }
}
