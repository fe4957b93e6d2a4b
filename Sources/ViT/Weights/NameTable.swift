/// How a checkpoint family names the tensors that the engine calls by their canonical names.
///
/// One table a family. `#` in a name stands for the block's index on both sides.
struct NameTable: Sendable {
    struct Rule: Sendable {
        let source: String
        let target: String
        /// Where the source is one of several stacked along the first axis: its position there.
        var part = 0

        init(_ source: String, _ target: String, part: Int = 0) {
            self.source = source
            self.target = target
            self.part = part
        }
    }

    let rules: [Rule]
    /// Tensors that belong to the family but not to the engine (training heads, mask tokens). A trailing
    /// `*` matches any rest.
    let ignored: [String]

    /// What a source name stands for; nil for a name the table does not know.
    func rule(for source: String) -> (rule: Rule, block: Int?)? {
        let (pattern, block) = NameTable.pattern(of: source)
        guard let rule = rules.first(where: { $0.source == pattern }) else { return nil }
        return (rule, block)
    }

    func ignores(_ source: String) -> Bool {
        ignored.contains { pattern in
            pattern.hasSuffix("*") ? source.hasPrefix(pattern.dropLast()) : source == pattern
        }
    }

    /// Replaces the block's index by `#`: the first component that is a number, `blocks.0.7.` of chunked
    /// DINOv2 checkpoints counting as `blocks.7.`.
    static func pattern(of name: String) -> (pattern: String, block: Int?) {
        var parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard let at = parts.firstIndex(where: { Int($0) != nil }) else { return (name, nil) }
        if at + 1 < parts.count, Int(parts[at + 1]) != nil { parts.remove(at: at) }
        let block = Int(parts[at])
        parts[at] = "#"
        return (parts.joined(separator: "."), block)
    }
}

extension NameTable {
    /// torch.hub's DINO, DINOv2 and DeiT, and timm: the canonical names, but for timm's register token.
    static let torch = NameTable(
        rules: canonicalRules + [Rule("reg_token", "register_tokens")],
        ignored: ["mask_token"])

    private static let canonicalRules: [Rule] = {
        let plain = [
            "cls_token", "dist_token", "register_tokens", "pos_embed", "patch_embed.proj.weight",
            "patch_embed.proj.bias", "norm.weight", "norm.bias", "head.weight", "head.bias",
            "head_dist.weight", "head_dist.bias", "blocks.#.ls1.gamma", "blocks.#.ls2.gamma",
        ]
        let layers = ["norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2", "mlp.w12", "mlp.w3"]
        let blocks = layers.flatMap { ["blocks.#.\($0).weight", "blocks.#.\($0).bias"] }
        return (plain + blocks).map { Rule($0, $0) }
    }()

    /// Hugging Face `Dinov2Model` and `Dinov2WithRegistersModel`.
    static let huggingFaceDinov2: NameTable = {
        let layer = "encoder.layer.#."
        var rules = [
            Rule("embeddings.cls_token", "cls_token"),
            Rule("embeddings.register_tokens", "register_tokens"),
            Rule("embeddings.position_embeddings", "pos_embed"),
            Rule(layer + "layer_scale1.lambda1", "blocks.#.ls1.gamma"),
            Rule(layer + "layer_scale2.lambda1", "blocks.#.ls2.gamma"),
        ]
        for end in [".weight", ".bias"] {
            rules += [
                Rule("embeddings.patch_embeddings.projection" + end, "patch_embed.proj" + end),
                Rule("layernorm" + end, "norm" + end),
                Rule(layer + "norm1" + end, "blocks.#.norm1" + end),
                Rule(layer + "norm2" + end, "blocks.#.norm2" + end),
                Rule(layer + "attention.output.dense" + end, "blocks.#.attn.proj" + end),
                Rule(layer + "mlp.fc1" + end, "blocks.#.mlp.fc1" + end),
                Rule(layer + "mlp.fc2" + end, "blocks.#.mlp.fc2" + end),
                Rule(layer + "mlp.weights_in" + end, "blocks.#.mlp.w12" + end),
                Rule(layer + "mlp.weights_out" + end, "blocks.#.mlp.w3" + end),
            ]
            for (part, name) in ["query", "key", "value"].enumerated() {
                rules.append(
                    Rule(
                        layer + "attention.attention." + name + end, "blocks.#.attn.qkv" + end, part: part))
            }
        }
        return NameTable(rules: rules, ignored: ["embeddings.mask_token"])
    }()
}
