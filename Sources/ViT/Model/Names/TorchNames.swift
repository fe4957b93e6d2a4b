extension NameTable {
    /// torch.hub's DINO, DINOv2 (chunked or not), DINOv3 and DeiT, and timm: the canonical names, but for timm's and
    /// DINOv3's registers and DINOv3's SwiGLU.
    static let torch = torch(feedForward: [("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2")])

    /// timm's models with SwiGLU, which call `w3` `fc2`: `SwiGLUPacked` (`vit_giant_patch14_dinov2`) keeps gate and
    /// value in `fc1`, as DINOv2's `w12` does, `SwiGLU` (`vit_small_plus_patch16_dinov3`) in `fc1_g` and `fc1_x`.
    static let timmGated = torch(feedForward: [("mlp.fc1", "mlp.w12"), ("mlp.fc2", "mlp.w3")])

    private static func torch(feedForward: [(source: String, target: String)]) -> NameTable {
        var rules = ["cls_token", "dist_token", "register_tokens", "pos_embed", "rope_embed.periods"].map {
            Rule($0, $0)
        }
        rules += [timmRegisters, dinov3Registers].map { Rule($0, "register_tokens") }
        for name in [
            "patch_embed.proj", "norm_pre", "norm", "fc_norm", "attn_pool.in_proj", "attn_pool.proj",
            "attn_pool.norm", "attn_pool.mlp.fc1", "attn_pool.mlp.fc2",
        ] {
            rules += layer(name, name)
        }
        rules.append(Rule("attn_pool.latent", "attn_pool.latent"))
        rules += layer("attn_pool.q", "attn_pool.in_proj", part: 0)
        rules += layer("attn_pool.kv", "attn_pool.in_proj", part: 1)
        for name in [
            "norm1", "attn.qkv", "attn.q_norm", "attn.k_norm", "attn.norm", "attn.proj", "norm2", "mlp.w12",
            "mlp.norm", "mlp.w3",
        ] {
            rules += layer("#.\(name)", "blocks.#.\(name)")
        }
        for (source, target) in feedForward { rules += layer("#.\(source)", "blocks.#.\(target)") }
        for (source, part) in [("w1", 0), ("w2", 1), ("fc1_g", 0), ("fc1_x", 1)] {
            rules += layer("#.mlp.\(source)", "blocks.#.mlp.w12", part: part)
        }
        for branch in [1, 2] {
            rules.append(Rule("#.ls\(branch).gamma", "blocks.#.ls\(branch).gamma"))
            // DeiT III.
            rules.append(Rule("#.gamma_\(branch)", "blocks.#.ls\(branch).gamma"))
        }
        // EVA-02, in timm and in its own code.
        for (part, name) in ["q_proj", "k_proj", "v_proj"].enumerated() {
            rules += layer("#.attn.\(name)", "blocks.#.attn.qkv", part: part)
        }
        rules += layer("#.mlp.ffn_ln", "blocks.#.mlp.norm")
        rules += layer("#.attn.inner_attn_ln", "blocks.#.attn.norm")
        // BEiT.
        rules.append(Rule(CanonicalNames.sharedBiasTable, CanonicalNames.sharedBiasTable))
        rules.append(Rule(CanonicalNames.biasTable("#."), CanonicalNames.biasTable("blocks.#.")))
        // BEiT, EVA, MAE fine-tuned in its code, and timm's DINOv3: keys have no bias.
        rules.append(Rule("#.attn.q_bias", "blocks.#.attn.qkv.bias", part: 0))
        rules.append(Rule("#.attn.v_bias", "blocks.#.attn.qkv.bias", part: 2))
        // DINOv3.
        rules.append(Rule("#.attn.qkv.bias_mask", "blocks.#.attn.qkv.bias", isMask: true))
        return NameTable(
            .torch, roots: ["blocks", "patch_embed", "norm"], blockPrefixes: ["blocks."], rules: rules,
            // DINOv3 norms the class token of small crops in training with a norm of its own.
            ignored: [
                "mask_token", "local_cls_norm.*",
                // Computed from the grid.
                "rope.freqs_cos", "rope.freqs_sin", "#.attn.rope.freqs_cos", "#.attn.rope.freqs_sin",
                "rel_pos_bias.relative_position_index",
                "#.attn.relative_position_index",
            ])
    }

    /// What timm and DINOv3's own code call the registers.
    static let timmRegisters = "reg_token"
    static let dinov3Registers = "storage_tokens"
}
