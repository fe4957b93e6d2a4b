/// Models that are not read here, known by tensors that only they have. The words say what a file looks like and
/// what to do with it.
struct ForeignModel: Sendable {
    let name: String
    let advice: String
    /// Parts of tensors' names, each of which has to be in one.
    private let signs: [String]

    private init(_ name: String, _ advice: String, _ signs: String...) {
        self.name = name
        self.advice = advice
        self.signs = signs
    }

    /// The first that the names show; nil where none is recognized.
    static func recognized(in names: [String]) -> ForeignModel? {
        all.first { model in
            model.signs.allSatisfy { sign in names.contains { $0.contains(sign) } }
        }
    }

    private static let plain = "only plain Vision Transformers with a class token are read"

    private static let all: [ForeignModel] = [
        ForeignModel("an adapter (LoRA)", "merge it into its model and save that", "lora_A"),
        ForeignModel("a Stable Diffusion model", plain, "diffusion_model."),
        ForeignModel("Segment Anything", plain, "image_encoder.", "attn.rel_pos_h"),
        ForeignModel(
            "torchvision's ViT", "save its weights under timm's names first", "conv_proj.weight",
            "encoder_layer_0."),
        ForeignModel("a SigLIP model", plain, "vision_model.head.probe"),
        ForeignModel("a Swin Transformer", plain, "layers.0.blocks.0.attn.relative_position"),
        ForeignModel("a BEiT model", plain, "attn.relative_position_bias_table"),
        ForeignModel("a BEiT model of Hugging Face", plain, "relative_position_bias.relative_position"),
        ForeignModel("a model with normalized queries and keys", plain, "attn.q_norm."),
        ForeignModel("a ConvNeXt", plain, "stages.0.", "dwconv"),
        ForeignModel("a ConvNeXt", plain, "stages.0.", "conv_dw"),
        ForeignModel("a ResNet", plain, "layer1.0.conv1."),
        ForeignModel("a language model", plain, "word_embeddings"),
        ForeignModel("a language model", plain, "embed_tokens."),
        ForeignModel(
            "DINO's projection head without its backbone", "save the backbone's state_dict()", "last_layer."),
    ]
}
