/// The published models that the tool knows by name, named as in torch.hub and timm.
public enum ModelZoo {
    public struct Entry: Sendable {
        public let name: String
        public let configuration: Configuration
        /// Where the original weights are published.
        public let source: String
        public let licence: String
    }

    /// The model used where none is named.
    public static let defaultName = "dinov2_vits14"

    /// Short names for the two sides of the published comparison.
    public static let aliases = ["dino": "dino_vitb16", "supervised": "vit_base_patch16_224.augreg_in1k"]

    /// - Throws: `ModelError.unknownModel`.
    public static func entry(named name: String) throws -> Entry {
        let name = aliases[name] ?? name
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw ModelError.unknownModel(name, known: entries.map(\.name))
        }
        return entry
    }

    public static let entries: [Entry] = dino + dinov2 + deit + augreg

    private static let dino: [Entry] = [
        dino("dino_vits16", small, patch: 16, file: "dino_deitsmall16_pretrain"),
        dino("dino_vits8", small, patch: 8, file: "dino_deitsmall8_pretrain"),
        dino("dino_vitb16", base, patch: 16, file: "dino_vitbase16_pretrain"),
        dino("dino_vitb8", base, patch: 8, file: "dino_vitbase8_pretrain"),
    ]

    private static func dino(_ name: String, _ size: Size, patch: Int, file: String) -> Entry {
        Entry(
            name: name, configuration: size.configuration(family: .dino, patch: patch, side: 224),
            source: "https://dl.fbaipublicfiles.com/dino/\(file)/\(file).pth", licence: "Apache-2.0")
    }

    private static let dinov2: [Entry] = [
        dinov2("dinov2_vits14", small), dinov2("dinov2_vits14", small, registers: 4),
        dinov2("dinov2_vitb14", base), dinov2("dinov2_vitb14", base, registers: 4),
        dinov2("dinov2_vitl14", large), dinov2("dinov2_vitl14", large, registers: 4),
    ]

    private static func dinov2(_ name: String, _ size: Size, registers: Int = 0) -> Entry {
        let plain = registers == 0
        return Entry(
            name: plain ? name : name + "_reg",
            configuration: size.configuration(
                family: plain ? .dinov2 : .dinov2Registers, patch: 14, side: 518, registers: registers,
                layerScale: true),
            source:
                "https://dl.fbaipublicfiles.com/dinov2/\(name)/\(name)_\(plain ? "" : "reg4_")pretrain.pth",
            licence: "Apache-2.0")
    }

    private static let deit: [Entry] = [
        deit("deit_tiny_patch16_224", tiny, hash: "a1311bcf"),
        deit("deit_small_patch16_224", small, hash: "cd65a155"),
        deit("deit_base_patch16_224", base, hash: "b5f2ef4d"),
        deit("deit_tiny_distilled_patch16_224", tiny, hash: "b40b3cf7", distilled: true),
        deit("deit_small_distilled_patch16_224", small, hash: "649709d9", distilled: true),
        deit("deit_base_distilled_patch16_224", base, hash: "df68dfff", distilled: true),
    ]

    private static func deit(_ name: String, _ size: Size, hash: String, distilled: Bool = false) -> Entry {
        Entry(
            name: name,
            configuration: size.configuration(
                family: .deit, patch: 16, side: 224, distilled: distilled, classes: 1000),
            source: "https://dl.fbaipublicfiles.com/deit/\(name)-\(hash).pth", licence: "Apache-2.0")
    }

    private static let augreg: [Entry] = [
        augreg(
            "vit_small_patch16_224.augreg_in1k", small,
            file: "S_16-i1k-300ep-lr_0.001-aug_medium2-wd_0.1-do_0.0-sd_0.0"),
        augreg(
            "vit_base_patch16_224.augreg_in1k", base,
            file: "B_16-i1k-300ep-lr_0.001-aug_strong2-wd_0.1-do_0.1-sd_0.1"),
        augreg(
            "vit_base_patch16_224.augreg_in21k_ft_in1k", base,
            file: "B_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.0-sd_0.0"),
    ]

    private static func augreg(_ name: String, _ size: Size, file: String) -> Entry {
        Entry(
            name: name, configuration: size.configuration(family: .vit, patch: 16, side: 224, classes: 1000),
            source: "https://storage.googleapis.com/vit_models/augreg/"
                + "\(file)--imagenet2012-steps_20k-lr_0.01-res_224.npz",
            licence: "Apache-2.0")
    }

    // MARK: Sizes

    /// Width, depth and heads of a size class.
    private struct Size {
        let width: Int
        let depth: Int
        let heads: Int

        func configuration(
            family: Configuration.Family, patch: Int, side: Int, registers: Int = 0, distilled: Bool = false,
            layerScale: Bool = false, classes: Int = 0
        ) -> Configuration {
            Configuration(
                family: family, patchSize: patch, width: width, depth: depth, heads: heads,
                registers: registers, hasDistillationToken: distilled, hasLayerScale: layerScale,
                nativeRows: side / patch, nativeColumns: side / patch, classes: classes)
        }
    }

    private static let tiny = Size(width: 192, depth: 12, heads: 3)
    private static let small = Size(width: 384, depth: 12, heads: 6)
    private static let base = Size(width: 768, depth: 12, heads: 12)
    private static let large = Size(width: 1024, depth: 24, heads: 16)
}
