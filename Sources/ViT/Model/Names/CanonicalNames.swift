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
        list.append(("patch_embed.proj.weight", [c.width, c.inputChannels, c.patchSize, c.patchSize]))
        if c.hasPatchBias { list.append(("patch_embed.proj.bias", [c.width])) }
        if c.normalizesBeforeBlocks { list += norm("norm_pre", c.width) }
        for index in 0..<c.depth { list += block("blocks.\(index).", c) }
        if c.hasFinalNorm { list += norm("norm", c.width) }
        if c.pooling == .attentionProbe { list += attentionProbe(c) }
        if c.classes > 0 {
            list += linear("head", c.classes, c.width)
            if c.hasDistillationHead { list += linear("head_dist", c.classes, c.width) }
        }
        return list
    }

    private static func block(_ name: String, _ c: Configuration) -> [Tensor] {
        let d = c.width
        var list = norm(name + "norm1", d)
        list.append((name + "attn.qkv.weight", [3 * d, d]))
        let biases = c.qkvBias.thirds.count
        if biases > 0 { list.append((name + "attn.qkv.bias", [biases * d])) }
        list += linear(name + "attn.proj", d, d)
        if c.hasLayerScale { list.append((name + "ls1.gamma", [d])) }
        list += norm(name + "norm2", d)
        list += linear(name + fc1(of: c), c.hiddenWidth, d)
        list += linear(name + fc2(of: c), d, c.feedForwardWidth)
        if c.hasLayerScale { list.append((name + "ls2.gamma", [d])) }
        return list
    }

    /// timm's names (`AttentionPoolLatent`).
    private static func attentionProbe(_ c: Configuration) -> [Tensor] {
        let d = c.width
        return [("attn_pool.latent", [1, 1, d])] + linear("attn_pool.q", d, d)
            + linear("attn_pool.kv", 2 * d, d) + linear("attn_pool.proj", d, d) + norm("attn_pool.norm", d)
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
