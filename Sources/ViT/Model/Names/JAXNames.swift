extension NameTable {
    /// The original and AugReg ViTs (google-research/vision_transformer), as `.npz` of flattened Flax names.
    ///
    /// Flax keeps a dense layer's kernel as (in, out), with the heads as an axis of their own where there are
    /// any, and the patch embedding as (row, column, channel, out).
    static let jax: NameTable = {
        var rules = [
            Rule("cls", "cls_token"), Rule("Transformer/posembed_input/pos_embedding", "pos_embed"),
            Rule("embedding/kernel", "patch_embed.proj.weight", order: AxisOrder([3], [2], [0], [1])),
            Rule("embedding/bias", "patch_embed.proj.bias"),
        ]
        rules += norm("Transformer/encoder_norm", "norm")
        rules += norm("#/LayerNorm_0", "blocks.#.norm1")
        rules += norm("#/LayerNorm_2", "blocks.#.norm2")
        rules += dense("#/MlpBlock_3/Dense_0", "blocks.#.mlp.fc1")
        rules += dense("#/MlpBlock_3/Dense_1", "blocks.#.mlp.fc2")
        rules += dense("head", "head")
        let attention = "#/MultiHeadDotProductAttention_1"
        for (part, name) in ["query", "key", "value"].enumerated() {
            rules += [
                Rule(
                    "\(attention)/\(name)/kernel", "blocks.#.attn.qkv.weight", part: part,
                    order: AxisOrder([1, 2], [0])),
                Rule(
                    "\(attention)/\(name)/bias", "blocks.#.attn.qkv.bias", part: part,
                    order: AxisOrder([0, 1])),
            ]
        }
        rules += [
            Rule("\(attention)/out/kernel", "blocks.#.attn.proj.weight", order: AxisOrder([2], [0, 1])),
            Rule("\(attention)/out/bias", "blocks.#.attn.proj.bias"),
        ]
        return NameTable(
            .jax, roots: ["Transformer", "embedding"], blockPrefixes: ["Transformer/encoderblock_"],
            rules: rules)
    }()

    private static func norm(_ source: String, _ target: String) -> [Rule] {
        [Rule(source + "/scale", target + ".weight"), Rule(source + "/bias", target + ".bias")]
    }

    private static func dense(_ source: String, _ target: String) -> [Rule] {
        [
            Rule(source + "/kernel", target + ".weight", order: AxisOrder([1], [0])),
            Rule(source + "/bias", target + ".bias"),
        ]
    }
}
