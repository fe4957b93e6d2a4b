import ViT

/// Models that learned from pictures with parts left out.
extension ModelZoo {
    static let maskedImageModels: [Entry] = mae + ibot + msn + ijepa + beit + eva02

    // MARK: MAE

    private static let mae: [Entry] = [mae(base, 16), mae(large, 16), mae(huge, 14)]

    private static func mae(_ size: Size, _ patch: Int) -> Entry {
        Entry(
            name: "mae_vit_\(size.name)_patch\(patch)",
            configuration: size.configuration(family: .mae, patch: patch, side: 224),
            source: "https://dl.fbaipublicfiles.com/mae/pretrain/mae_pretrain_vit_\(size.name).pth",
            license: .nonCommercial,
            huggingFace: ["timm/vit_\(size.name)_patch\(patch)_224.mae", "facebook/vit-mae-\(size.name)"])
    }

    // MARK: iBOT

    /// The teachers' backbones; pretrained as DINO is, with masked patches beside it.
    private static let ibot: [Entry] = [("s", small), ("b", base), ("l", large)].map { letter, size in
        Entry(
            name: "ibot_vit\(letter)16",
            configuration: size.configuration(family: .dino, patch: 16, side: 224),
            source: "https://lf3-nlp-opensource.bytetos.com/obj/nlp-opensource/archive/2022/ibot/"
                + "vit\(letter)_16/checkpoint_teacher.pth",
            license: .apache2)
    }

    // MARK: MSN

    private static let msn: [Entry] = [
        msn("vits16", small, patch: 16, epochs: 800, "small"),
        msn("vitb16", base, patch: 16, epochs: 600, "base"),
        msn("vitl16", large, patch: 16, epochs: 600, "large"),
        msn("vitb4", base, patch: 4, epochs: 300, "base-4"),
        msn("vitl7", large, patch: 7, epochs: 200, "large-7"),
    ]

    private static func msn(
        _ name: String, _ size: Size, patch: Int, epochs: Int, _ repository: String
    ) -> Entry {
        var c = size.configuration(family: .dino, patch: patch, side: 224)
        c.positionInterpolation = .plain
        return Entry(
            name: "msn_\(name)", configuration: c,
            source: "https://dl.fbaipublicfiles.com/msn/\(name)_\(epochs)ep.pth.tar", license: .nonCommercial,
            huggingFace: ["facebook/vit-msn-\(repository)"])
    }

    // MARK: I-JEPA

    /// Whole training checkpoints, of which the target encoder is taken. (Hugging Face's conversions hold the context
    /// encoder, other weights.)
    private static let ijepa: [Entry] = [
        ijepa("vith14_in1k", huge, patch: 14, "IN1K-vit.h.14-300e"),
        ijepa("vith16_448_in1k", huge, patch: 16, side: 448, "IN1K-vit.h.16-448px-300e"),
        ijepa("vith14_in22k", huge, patch: 14, "IN22K-vit.h.14-900e"),
        ijepa("vitg16_in22k", giantOfIJEPA, patch: 16, "IN22K-vit.g.16-600e"),
    ]

    private static func ijepa(
        _ name: String, _ size: Size, patch: Int, side: Int = 224, _ file: String
    ) -> Entry {
        Entry(
            name: "ijepa_\(name)",
            configuration: size.configuration(family: .ijepa, patch: patch, side: side),
            source: "https://dl.fbaipublicfiles.com/ijepa/\(file).pth.tar", license: .nonCommercial)
    }

    // MARK: BEiT

    private static let beit: [Entry] = [
        beit("beit_base_patch16_224.in22k_ft_in22k_in1k", base, side: 224),
        beit("beit_base_patch16_384.in22k_ft_in22k_in1k", base, side: 384),
        beit("beit_base_patch16_224.in22k_ft_in22k", base, side: 224, classes: 21_841),
        beit("beit_large_patch16_224.in22k_ft_in22k_in1k", large, side: 224),
        beit("beit_large_patch16_384.in22k_ft_in22k_in1k", large, side: 384),
        beit("beit_large_patch16_512.in22k_ft_in22k_in1k", large, side: 512),
        beit("beitv2_base_patch16_224.in1k_ft_in22k_in1k", base, side: 224, .imageNet),
        beit("beitv2_base_patch16_224.in1k_ft_in1k", base, side: 224, .imageNet),
        beit("beitv2_large_patch16_224.in1k_ft_in22k_in1k", large, side: 224, .imageNet),
        beit("beitv2_large_patch16_224.in1k_ft_in1k", large, side: 224, .imageNet),
    ]

    private static func beit(
        _ name: String, _ size: Size, side: Int, _ normalization: Normalization = .half, classes: Int = 1000
    ) -> Entry {
        var c = size.configuration(family: .beit, patch: 16, side: side, layerScale: true, classes: classes)
        c.normalization = normalization
        return timmFinetuned(name, c, license: .apache2)
    }

    // MARK: EVA-02

    private static let eva02: [Entry] = [
        eva02("eva02_tiny_patch14_224.mim_in22k", evaTiny, side: 224, classes: 0),
        eva02("eva02_small_patch14_224.mim_in22k", evaSmall, side: 224, classes: 0),
        eva02("eva02_base_patch14_224.mim_in22k", evaBase, side: 224, classes: 0),
        eva02("eva02_large_patch14_224.mim_in22k", evaLarge, side: 224, classes: 0),
        eva02("eva02_large_patch14_224.mim_m38m", evaLarge, side: 224, classes: 0),
        eva02("eva02_tiny_patch14_336.mim_in22k_ft_in1k", evaTiny, side: 336),
        eva02("eva02_small_patch14_336.mim_in22k_ft_in1k", evaSmall, side: 336),
        eva02("eva02_base_patch14_448.mim_in22k_ft_in22k_in1k", evaBase, side: 448),
        eva02("eva02_large_patch14_448.mim_m38m_ft_in22k_in1k", evaLarge, side: 448),
    ]

    private static func eva02(_ name: String, _ size: Size, side: Int, classes: Int = 1000) -> Entry {
        var c = size.configuration(family: .eva02, patch: 14, side: side, classes: classes)
        // The two larger ones norm their hidden values.
        c.normalizesHidden = size.width >= 768
        return timmFinetuned(name, c, license: .mit)
    }

    /// A model of timm's that norms the mean of its patches in place of all tokens.
    private static func timmFinetuned(_ name: String, _ c: Configuration, license: License) -> Entry {
        var c = c
        c.pooling = .meanPatch
        c.hasFinalNorm = false
        c.hasPoolingNorm = true
        return Entry(
            name: name, configuration: c,
            source: "https://huggingface.co/timm/\(name)/resolve/main/model.safetensors", license: license,
            huggingFace: ["timm/\(name)"])
    }
}
