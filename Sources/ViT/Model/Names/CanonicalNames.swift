/// The tensor names and shapes the engine works with: those of torch.hub's DINOv2 and of timm.
package enum CanonicalNames {
    /// Every tensor that a model of this configuration has, with its shape, in the order of the data flow.
    package static func required(by c: Configuration) -> [(name: String, shape: [Int])] {
        let d = c.width
        func linear(_ name: String, _ outputs: Int, _ inputs: Int) -> [(name: String, shape: [Int])] {
            [(name + ".weight", [outputs, inputs]), (name + ".bias", [outputs])]
        }
        func norm(_ name: String) -> [(name: String, shape: [Int])] {
            [(name + ".weight", [d]), (name + ".bias", [d])]
        }
        var list: [(name: String, shape: [Int])] = [("cls_token", [1, 1, d])]
        if c.hasDistillationToken { list.append(("dist_token", [1, 1, d])) }
        if c.registers > 0 { list.append(("register_tokens", [1, c.registers, d])) }
        list.append(
            ("pos_embed", [1, c.positionedSpecialTokens + c.nativeRows * c.nativeColumns, d]))
        list.append(("patch_embed.proj.weight", [d, 3, c.patchSize, c.patchSize]))
        list.append(("patch_embed.proj.bias", [d]))
        for i in 0..<c.depth {
            let name = "blocks.\(i)."
            list += norm(name + "norm1")
            list += linear(name + "attn.qkv", 3 * d, d)
            list += linear(name + "attn.proj", d, d)
            if c.hasLayerScale { list.append((name + "ls1.gamma", [d])) }
            list += norm(name + "norm2")
            switch c.feedForward {
            case .gelu:
                list += linear(name + "mlp.fc1", c.feedForwardWidth, d)
                list += linear(name + "mlp.fc2", d, c.feedForwardWidth)
            case .swiglu:
                list += linear(name + "mlp.w12", 2 * c.feedForwardWidth, d)
                list += linear(name + "mlp.w3", d, c.feedForwardWidth)
            }
            if c.hasLayerScale { list.append((name + "ls2.gamma", [d])) }
        }
        list += norm("norm")
        if c.classes > 0 {
            list += linear("head", c.classes, d)
            if c.hasDistillationToken { list += linear("head_dist", c.classes, d) }
        }
        return list
    }
}
