import ViT

extension ModelZoo {
    /// SigLIP and SigLIP 2 as Google publishes them in Hugging Face's names, with their text towers.
    static let siglip: [Entry] = siglipModels.flatMap { version, size, patch, sides in
        sides.map { siglip(version: version, size, patch: patch, side: $0) }
    }

    private static let siglipModels: [(version: Int, size: Size, patch: Int, sides: [Int])] = [
        (1, base, 16, [224, 256, 384, 512]),
        (1, large, 16, [256, 384]),
        (1, so400m, 14, [224, 384]),
        (2, base, 32, [256]),
        (2, base, 16, [224, 256, 384, 512]),
        (2, large, 16, [256, 384, 512]),
        (2, so400m, 14, [224, 384]),
        (2, so400m, 16, [256, 384, 512]),
        (2, giantOpt, 16, [256, 384]),
    ]

    private static func siglip(version: Int, _ size: Size, patch: Int, side: Int) -> Entry {
        var c = size.configuration(family: .siglip, patch: patch, side: side)
        c.positionInterpolation = .plain
        let family = version == 1 ? "siglip" : "siglip\(version)"
        let short = size.name == so400m.name ? size.name : "vit\(size.name.prefix(1))"
        let repository = "google/\(family)-\(size.name)-patch\(patch)-\(side)"
        return Entry(
            name: "\(family)_\(short)\(patch)_\(side)", configuration: c,
            source: "https://huggingface.co/\(repository)/resolve/main/model.safetensors", license: .apache2,
            huggingFace: [repository])
    }
}
