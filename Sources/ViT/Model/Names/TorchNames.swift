extension NameTable {
    /// torch.hub's DINO, DINOv2 (chunked or not) and DeiT, and timm: the canonical names, but for timm's
    /// register token.
    static let torch = torch(feedForward: [("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2")])

    /// timm's models with SwiGLU (`vit_giant_patch14_dinov2`): its `SwiGLUPacked` keeps gate and value in
    /// `fc1`, as DINOv2's `w12` does, and calls `w3` `fc2`.
    static let timmGated = torch(feedForward: [("mlp.fc1", "mlp.w12"), ("mlp.fc2", "mlp.w3")])

    private static func torch(feedForward: [(source: String, target: String)]) -> NameTable {
        var rules = ["cls_token", "dist_token", "register_tokens", "pos_embed"].map { Rule($0, $0) }
        rules.append(Rule("reg_token", "register_tokens"))
        for name in ["patch_embed.proj", "norm"] {
            rules += layer(name, name)
        }
        for name in ["norm1", "attn.qkv", "attn.proj", "norm2", "mlp.w12", "mlp.w3"] {
            rules += layer("#.\(name)", "blocks.#.\(name)")
        }
        for (source, target) in feedForward { rules += layer("#.\(source)", "blocks.#.\(target)") }
        for branch in [1, 2] {
            rules.append(Rule("#.ls\(branch).gamma", "blocks.#.ls\(branch).gamma"))
            // DeiT III.
            rules.append(Rule("#.gamma_\(branch)", "blocks.#.ls\(branch).gamma"))
        }
        // BEiT, and MAE fine-tuned in its code: keys have no bias.
        rules.append(Rule("#.attn.q_bias", "blocks.#.attn.qkv.bias", part: 0))
        rules.append(Rule("#.attn.v_bias", "blocks.#.attn.qkv.bias", part: 2))
        return NameTable(
            .torch, roots: ["blocks", "patch_embed", "norm"], blockPrefixes: ["blocks."], rules: rules,
            ignored: ["mask_token"])
    }
}
