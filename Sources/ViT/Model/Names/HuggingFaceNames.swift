/// Hugging Face transformers. `save_pretrained` and the published files spell a block `encoder.layer.7` and its
/// layers `attention.attention.query`; the modules of transformers 5, and so their `state_dict`, say `layers.7`
/// and `attention.q_proj`. Both spellings are here.
extension NameTable {
    /// `ViTModel`, `ViTForImageClassification`, `DeiTModel`, `DeiTForImageClassificationWithTeacher`.
    static let huggingFaceViT: NameTable = {
        var rules = huggingFaceEmbeddings + huggingFaceAttention
        rules.append(Rule("embeddings.distillation_token", "dist_token"))
        for (source, target) in [
            ("layernorm_before", "norm1"), ("layernorm_after", "norm2"),
            ("intermediate.dense", "mlp.fc1"), ("output.dense", "mlp.fc2"),
            ("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2"),
        ] {
            rules += layer("#.\(source)", "blocks.#.\(target)")
        }
        var table = NameTable(
            .huggingFaceViT, roots: huggingFaceRoots, blockPrefixes: ["encoder.layer.", "layers."],
            rules: rules,
            ignored: ["embeddings.mask_token", "pooler.*"])
        table.positionInterpolation = .plain
        table.layerNormEpsilon = 1e-12
        return table
    }()

    /// `Dinov2Model`, `Dinov2WithRegistersModel` and their `ForImageClassification`, whose classifier takes the
    /// class token and the mean patch token.
    static let huggingFaceDinov2: NameTable = {
        var rules = huggingFaceEmbeddings + huggingFaceAttention
        rules += [
            Rule("embeddings.register_tokens", "register_tokens"),
            Rule("#.layer_scale1.lambda1", "blocks.#.ls1.gamma"),
            Rule("#.layer_scale2.lambda1", "blocks.#.ls2.gamma"),
        ]
        for (source, target) in [
            ("norm1", "norm1"), ("norm2", "norm2"), ("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2"),
            ("mlp.weights_in", "mlp.w12"), ("mlp.weights_out", "mlp.w3"), ("mlp.down_proj", "mlp.w3"),
        ] {
            rules += layer("#.\(source)", "blocks.#.\(target)")
        }
        rules += layer("#.mlp.gate_proj", "blocks.#.mlp.w12", part: 0)
        rules += layer("#.mlp.up_proj", "blocks.#.mlp.w12", part: 1)
        var table = NameTable(
            .huggingFaceDinov2, roots: huggingFaceRoots, blockPrefixes: ["encoder.layer.", "layers."],
            rules: rules,
            ignored: ["embeddings.mask_token"])
        table.positionInterpolation = .plain
        return table
    }()

    /// `BeitModel`, `Data2VecVisionModel` and their `ForImageClassification`, whose pooler norms the mean of the patches.
    static let huggingFaceBEiT: NameTable = {
        var rules = huggingFaceEmbeddings + huggingFaceAttention + layer("pooler.layernorm", "fc_norm")
        for (source, target) in [
            ("layernorm_before", "norm1"), ("layernorm_after", "norm2"), ("intermediate.dense", "mlp.fc1"),
            ("output.dense", "mlp.fc2"), ("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2"),
        ] {
            rules += layer("#.\(source)", "blocks.#.\(target)")
        }
        for branch in [1, 2] { rules.append(Rule("#.lambda_\(branch)", "blocks.#.ls\(branch).gamma")) }
        let table = "relative_position_bias.relative_position_bias_table"
        rules.append(Rule("encoder.\(table)", CanonicalNames.sharedBiasTable))
        for place in ["#.attention.attention", "#.attention"] {
            rules.append(Rule("\(place).\(table)", CanonicalNames.biasTable("blocks.#.")))
        }
        var names = NameTable(
            .huggingFaceBEiT, roots: huggingFaceRoots, blockPrefixes: ["encoder.layer.", "layers."],
            rules: rules,
            ignored: [
                "embeddings.mask_token", "encoder.relative_position_bias.relative_position_index",
                "#.attention.attention.relative_position_bias.relative_position_index",
            ])
        names.positionInterpolation = .plain
        names.layerNormEpsilon = 1e-12
        return names
    }()

    /// `DINOv3ViTModel`.
    static let huggingFaceDinov3 = huggingFaceDinov3(
        feedForward: [("mlp.up_proj", "mlp.fc1"), ("mlp.down_proj", "mlp.fc2")])

    /// The same with SwiGLU, which has a `mlp.gate_proj`.
    static let huggingFaceDinov3Gated = huggingFaceDinov3(feedForward: [("mlp.down_proj", "mlp.w3")])

    private static func huggingFaceDinov3(feedForward: [(source: String, target: String)]) -> NameTable {
        var rules = [
            Rule("embeddings.cls_token", "cls_token"),
            Rule("embeddings.register_tokens", "register_tokens"),
            Rule("#.layer_scale1.lambda1", "blocks.#.ls1.gamma"),
            Rule("#.layer_scale2.lambda1", "blocks.#.ls2.gamma"),
        ]
        rules += layer("embeddings.patch_embeddings", "patch_embed.proj") + layer("norm", "norm")
        rules += huggingFaceAttention
        rules += layer("#.norm1", "blocks.#.norm1") + layer("#.norm2", "blocks.#.norm2")
        for (source, target) in feedForward { rules += layer("#.\(source)", "blocks.#.\(target)") }
        rules += layer("#.mlp.gate_proj", "blocks.#.mlp.w12", part: 0)
        rules += layer("#.mlp.up_proj", "blocks.#.mlp.w12", part: 1)
        return NameTable(
            .huggingFaceDinov3, roots: ["embeddings", "layer", "model", "norm"],
            blockPrefixes: ["layer.", "model.layer."], rules: rules, ignored: ["embeddings.mask_token"])
    }

    private static let huggingFaceRoots: Set = ["embeddings", "encoder", "layers", "layernorm"]

    private static let huggingFaceEmbeddings =
        [
            Rule("embeddings.cls_token", "cls_token"), Rule("embeddings.position_embeddings", "pos_embed"),
        ] + layer("embeddings.patch_embeddings.projection", "patch_embed.proj") + layer("layernorm", "norm")

    private static let huggingFaceAttention: [Rule] = {
        var rules =
            layer("#.attention.output.dense", "blocks.#.attn.proj")
            + layer("#.attention.o_proj", "blocks.#.attn.proj")
        for (part, name) in ["query", "key", "value"].enumerated() {
            rules += layer("#.attention.attention.\(name)", "blocks.#.attn.qkv", part: part)
            rules += layer("#.attention.\(name.prefix(1))_proj", "blocks.#.attn.qkv", part: part)
        }
        return rules
    }()
}
