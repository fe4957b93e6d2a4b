/// The vision towers of CLIP and SigLIP. Class token and positions are kept without the axes of one that others have.
extension NameTable {
    /// OpenAI's code and OpenCLIP's, in which the tower lies under `visual.`.
    static let clip: NameTable = {
        var rules = [
            Rule("class_embedding", "cls_token", order: token),
            Rule("positional_embedding", "pos_embed", order: table),
            Rule("conv1.weight", "patch_embed.proj.weight"), Rule("conv1.bias", "patch_embed.proj.bias"),
        ]
        rules += layer("ln_pre", "norm_pre") + layer("ln_post", "norm") + openAIBlocks
        for branch in [1, 2] { rules.append(Rule("#.ls_\(branch).gamma", "blocks.#.ls\(branch).gamma")) }
        return NameTable(
            .clip,
            roots: ["class_embedding", "positional_embedding", "conv1", "ln_pre", "transformer", "ln_post"],
            blockPrefixes: ["transformer.resblocks."], rules: rules)
    }()

    /// The blocks of OpenAI's towers.
    static let openAIBlocks: [Rule] =
        [
            Rule("#.attn.in_proj_weight", "blocks.#.attn.qkv.weight"),
            Rule("#.attn.in_proj_bias", "blocks.#.attn.qkv.bias"),
        ]
        + [
            ("ln_1", "norm1"), ("attn.out_proj", "attn.proj"), ("ln_2", "norm2"), ("mlp.c_fc", "mlp.fc1"),
            ("mlp.c_proj", "mlp.fc2"),
        ].flatMap { layer("#.\($0)", "blocks.#.\($1)") }

    /// Hugging Face's `CLIPModel`, `CLIPVisionModel` and `CLIPVisionModelWithProjection`, `SiglipModel` and
    /// `SiglipVisionModel`, in which the tower lies under `vision_model.`.
    static let huggingFaceCLIP: NameTable = {
        var rules = [
            Rule("embeddings.class_embedding", "cls_token", order: token),
            Rule("embeddings.position_embedding.weight", "pos_embed", order: table),
            Rule("head.probe", "attn_pool.latent"),
            Rule("head.attention.in_proj_weight", "attn_pool.in_proj.weight"),
            Rule("head.attention.in_proj_bias", "attn_pool.in_proj.bias"),
        ]
        rules += layer("embeddings.patch_embedding", "patch_embed.proj")
        for (source, target) in [
            ("attention.out_proj", "proj"), ("layernorm", "norm"), ("mlp.fc1", "mlp.fc1"),
            ("mlp.fc2", "mlp.fc2"),
        ] {
            rules += layer("head.\(source)", "attn_pool.\(target)")
        }
        // The first is how the library spells it.
        rules += layer("pre_layrnorm", "norm_pre") + layer("pre_layernorm", "norm_pre")
        rules += layer("post_layernorm", "norm") + huggingFaceCLIPBlocks
        var names = NameTable(
            .huggingFaceCLIP,
            roots: ["embeddings", "encoder", "pre_layrnorm", "pre_layernorm", "post_layernorm", "head"],
            blockPrefixes: ["encoder.layers."], rules: rules, ignored: ["embeddings.position_ids"])
        names.positionInterpolation = .plain
        return names
    }()

    /// The blocks of Hugging Face's towers.
    static let huggingFaceCLIPBlocks: [Rule] =
        ["q_proj", "k_proj", "v_proj"].enumerated().flatMap {
            layer("#.self_attn.\($0.element)", "blocks.#.attn.qkv", part: $0.offset)
        }
        + [
            ("layer_norm1", "norm1"), ("self_attn.out_proj", "attn.proj"), ("layer_norm2", "norm2"),
            ("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2"),
        ].flatMap { layer("#.\($0)", "blocks.#.\($1)") }

    /// (D) to (1, 1, D).
    private static let token = AxisOrder([], [], [0])
    /// (positions, D) to (1, positions, D).
    private static let table = AxisOrder([], [0], [1])
}
