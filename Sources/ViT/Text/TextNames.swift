import Checkpoints

/// How libraries call the tensors of a text tower, relative to what stands before the whole model's names. The
/// canonical names are those of a vision tower, with `token_embedding` and `projection`.
enum TextNames {
    static let tables: [NameTable] = [openAI, huggingFace]

    /// OpenAI's code and OpenCLIP's, which keeps towers of other parts than OpenAI's under `text.`.
    private static let openAI: NameTable = {
        var rules: [NameTable.Rule] = []
        for root in ["", "text."] {
            rules += [
                .init(root + "token_embedding.weight", "token_embedding"),
                .init(root + "positional_embedding", "pos_embed"),
                // x · projection, and a linear layer.
                .init(root + "text_projection", "projection.weight", order: AxisOrder([1], [0])),
            ]
            rules += NameTable.layer(root + "text_projection", "projection")
            rules += NameTable.layer(root + "ln_final", "norm")
        }
        rules += NameTable.openAIBlocks
        return NameTable(
            .clip, roots: [], blockPrefixes: ["transformer.resblocks.", "text.transformer.resblocks."],
            rules: rules)
    }()

    /// `CLIPModel`, whose projection lies beside the tower, and `SiglipModel`, whose lies in it.
    private static let huggingFace: NameTable = {
        let root = "text_model."
        var rules: [NameTable.Rule] = [
            .init(root + "embeddings.token_embedding.weight", "token_embedding"),
            .init(root + "embeddings.position_embedding.weight", "pos_embed"),
            .init("text_projection.weight", "projection.weight"),
        ]
        rules += NameTable.layer(root + "head", "projection")
        rules += NameTable.layer(root + "final_layer_norm", "norm")
        rules += NameTable.huggingFaceCLIPBlocks
        return NameTable(
            .huggingFaceCLIP, roots: [], blockPrefixes: [root + "encoder.layers."], rules: rules)
    }()

    /// What stands before the whole model's names, of what stands before the vision tower's; nil where that stands
    /// alone.
    static func root(ofVision prefix: String) -> String? {
        ["visual.trunk.", "visual.", "vision_model."].first(where: prefix.hasSuffix).map {
            String(prefix.dropLast($0.count))
        }
    }
}
