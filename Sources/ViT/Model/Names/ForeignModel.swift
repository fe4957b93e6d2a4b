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

    private static let plain = "only plain Vision Transformers are read, in which all tokens attend to all"

    private static let otherBuild =
        "'vitvideo' with a clip and 'vitvideo neuron' look at it; the other commands look at plain Vision Transformers"

    private static let all: [ForeignModel] = [
        ForeignModel("an adapter (LoRA)", "merge it into its model and save that", "lora_A"),
        ForeignModel("a Stable Diffusion model", plain, "diffusion_model."),
        ForeignModel("Segment Anything", plain, "image_encoder.", "attn.rel_pos_h"),
        ForeignModel(
            "torchvision's ViT", "save its weights under timm's names first", "conv_proj.weight",
            "encoder_layer_0."),
        ForeignModel(
            "a NaFlex model, whose pictures have many sizes", "take the SigLIP 2 model of one size",
            "embeds.proj.weight"),
        ForeignModel("a Swin Transformer", otherBuild, "layers.0.blocks.0.attn.relative_position"),
        ForeignModel("a Swin Transformer V2", otherBuild, "attn.cpb_mlp."),
        ForeignModel("a PiT", otherBuild, "transformers.0.blocks.0."),
        ForeignModel("a ConViT", otherBuild, "attn.gating_param"),
        ForeignModel("a CoaT", otherBuild, "serial_blocks1."),
        ForeignModel("a Twins model", otherBuild, "pos_block.0."),
        ForeignModel("a CaiT", otherBuild, "blocks_token_only."),
        ForeignModel("an XCiT", plain, "cls_attn_blocks."),
        ForeignModel("a LeViT", plain, "attention_biases"),
        ForeignModel("a Hiera", plain, "pos_embed_window"),
        ForeignModel("a ViT of parallel branches", plain, "blocks.0.attns.0."),
        ForeignModel("a ViT of differential attention", plain, "attn.lambda_q1"),
        ForeignModel("a ConvNeXt", plain, "stages.0.", "dwconv"),
        ForeignModel("a ConvNeXt", plain, "stages.0.", "conv_dw"),
        ForeignModel("a ResNet", plain, "layer1.0.conv1."),
        ForeignModel("a language model", plain, "word_embeddings"),
        ForeignModel("a language model", plain, "embed_tokens."),
        ForeignModel(
            "DINO's projection head without its backbone", "save the backbone's state_dict()", "last_layer."),
    ]
}
