import Base
import ViT

/// The published models that the tool knows by name, named as in torch.hub and timm.
package enum ModelZoo {
    package struct Entry: Sendable, Hashable {
        package let name: String
        package let configuration: Configuration
        /// Where the original weights are published.
        package let source: String
        package let license: License
        /// SHA-256 of the file at `source` in lower-case hexadecimal, or its first digits; empty where none
        /// is known.
        package let sha256: String
        /// Size of the file at `source` in bytes, where known.
        package let size: Int64?
        /// Repositories of the Hugging Face hub that hold the same weights.
        package let huggingFace: [String]
        /// A repository of the hub that holds the same weights for OpenCLIP and timm. The configuration in it
        /// is that of timm's variant with the usual GELU, and not about this model.
        package let openCLIP: String?
        /// The authors' own file, where `source` has another one of the same weights.
        package let original: Original?

        /// - Parameter sha256: of the file at `source` or its first digits; empty for unknown.
        package init(
            name: String, configuration: Configuration, source: String, license: License,
            sha256: String = "", size: Int64? = nil, huggingFace: [String] = [], openCLIP: String? = nil,
            original: Original? = nil
        ) {
            self.name = name
            self.configuration = configuration
            self.source = source
            self.license = license
            self.sha256 = sha256
            self.size = size
            self.huggingFace = huggingFace
            self.openCLIP = openCLIP
            self.original = original
        }

        /// Who publishes the file at `source`: a short name, or the host where there is none.
        package var publisher: String {
            let host = source.split(separator: "/").dropFirst().first.map(String.init) ?? ""
            return ModelZoo.publishers[host] ?? host
        }

        /// Bytes of the file at `source`; where they are not known, four for each parameter.
        package var sizeOnDisk: (bytes: Int64, isExact: Bool) {
            if let size { return (size, true) }
            let parameters = CanonicalNames.required(by: configuration).reduce(0) {
                $0 + $1.shape.reduce(1, *)
            }
            return (Int64(4 * parameters), false)
        }

        /// The published file's own name; of one in the Hugging Face hub, where they are all called alike, that of
        /// its repository, and of iBOT's, which are as well, with that of its folder.
        package var fileName: String {
            let parts = source.split(separator: "/").map(String.init)
            let name = parts.last ?? ""
            if name.hasPrefix("checkpoint_"), parts.count > 1 { return "\(parts[parts.count - 2]).\(name)" }
            guard let end = parts.firstIndex(of: "resolve"), end > 0 else { return name }
            return "\(parts[end - 1]).\(name.pathExtension)"
        }
    }

    /// What the weights may be used for.
    package struct License: Sendable, Hashable {
        /// An SPDX identifier, or the license's title where it has none.
        package let name: String
        /// Where to read a license that is not a usual one.
        package let address: String?

        /// Fit for a table.
        package var shortName: String { name.replacing(" License", with: "") }

        package static let apache2 = License(name: "Apache-2.0", address: nil)
        package static let mit = License(name: "MIT", address: nil)
        /// Creative Commons, for uses that earn nothing.
        package static let nonCommercial = License(
            name: "CC-BY-NC-4.0", address: "https://creativecommons.org/licenses/by-nc/4.0/")
        package static let dinov3 = License(
            name: "DINOv3 License",
            address: "https://ai.meta.com/resources/models-and-libraries/dinov3-license/")
    }

    /// A file that the authors give out on request, so that its address is not known here.
    package struct Original: Sendable, Hashable {
        package let name: String

        package init(name: String) { self.name = name }

        /// The first digits of its SHA-256, which are part of its name as torch.hub wants.
        package var sha256: String {
            String(name.split(separator: "-").last?.prefix { $0 != "." } ?? "")
        }
    }

    /// Short names of those who publish, by host.
    private static let publishers = [
        "dl.fbaipublicfiles.com": "meta", "huggingface.co": "huggingface",
        "openaipublic.azureedge.net": "openai", "storage.googleapis.com": "google",
        "lf3-nlp-opensource.bytetos.com": "bytedance",
    ]

    /// The model used where none is named.
    package static let defaultName = "dinov2_vits14"

    /// Short names for the two sides of the published comparison.
    package static let aliases = ["dino": "dino_vitb16", "supervised": "vit_base_patch16_224.augreg_in1k"]

    /// The model of this name or alias.
    ///
    /// - Returns: nil where no known model has it.
    package static func find(_ name: String) -> Entry? {
        let name = aliases[name] ?? name
        return entries.first { $0.name == name }
    }

    /// The model of this name or alias.
    ///
    /// - Throws: `VitvideoError.unknownModel`.
    package static func entry(named name: String) throws -> Entry {
        guard let entry = find(name) else { throw VitvideoError.unknownModel(name) }
        return entry
    }

    /// The model whose published file has this hash.
    ///
    /// - Returns: nil where none is known to.
    package static func entry(withHash sha256: String) -> Entry? {
        entries.first { entry in
            [entry.sha256, entry.original?.sha256 ?? ""].contains { !$0.isEmpty && sha256.hasPrefix($0) }
        }
    }

    /// What that model is.
    ///
    /// - Returns: nil where none is known to.
    package static func published(withHash sha256: String) -> Model.Known? {
        entry(withHash: sha256).map { Model.Known(name: $0.name, configuration: $0.configuration) }
    }

    package static let entries: [Entry] =
        dino + dinov2 + dinov3 + clip + siglip + maskedImageModels + deit + augreg

    /// What is known of a published file beside its address. DINO and DINOv2 publish no hashes; those given
    /// here are pinned by many independent projects.
    private struct File {
        let size: Int64?
        let sha256: String

        static let unknown = File(size: nil, sha256: "")
    }

    // MARK: DINO

    private static let dino: [Entry] = [
        dino("dino_vits16", small, patch: 16, file: "dino_deitsmall16_pretrain"),
        dino("dino_vits8", small, patch: 8, file: "dino_deitsmall8_pretrain"),
        dino(
            "dino_vitb16", base, patch: 16, file: "dino_vitbase16_pretrain",
            File(
                size: 343_242_485, sha256: "bf34ad0f424b9029b593e8dc3ed553bf26e88bcba0d32bf3e62a6209cb64c85e")
        ),
        dino("dino_vitb8", base, patch: 8, file: "dino_vitbase8_pretrain"),
    ]

    private static func dino(
        _ name: String, _ size: Size, patch: Int, file: String, _ known: File = .unknown
    ) -> Entry {
        Entry(
            name: name, configuration: size.configuration(family: .dino, patch: patch, side: 224),
            source: "https://dl.fbaipublicfiles.com/dino/\(file)/\(file).pth", license: .apache2,
            sha256: known.sha256, size: known.size,
            huggingFace: [
                "timm/vit_\(size.name)_patch\(patch)_224.dino", "facebook/\(name.replacing("_", with: "-"))",
            ])
    }

    // MARK: DINOv2

    private static let dinov2: [Entry] = [
        dinov2(
            "dinov2_vits14", small,
            File(size: 88_283_115, sha256: "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9")
        ),
        dinov2(
            "dinov2_vits14", small, registers: 4,
            File(size: 88_291_785, sha256: "f433177089a681826f849f194ece3bb48f4d63fb38d32fc837e3dc7a4e5641fb")
        ),
        dinov2(
            "dinov2_vitb14", base,
            File(
                size: 346_378_731, sha256: "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73")
        ),
        dinov2(
            "dinov2_vitb14", base, registers: 4,
            File(
                size: 346_393_545, sha256: "73182a088cf94833c94b1666d1c99e02fe87e2007bff57b564fb6206e25dba71")
        ),
        dinov2(
            "dinov2_vitl14", large,
            File(
                size: 1_217_586_395,
                sha256: "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428")),
        dinov2(
            "dinov2_vitl14", large, registers: 4,
            File(
                size: 1_217_607_321,
                sha256: "36e4deffbaef061a2576705b0c36f93621e2ae20bf6274694821b0b492551b51")),
        dinov2(
            "dinov2_vitg14", giant,
            File(
                size: 4_546_108_579,
                sha256: "baf8467e50af277596bbbafa06887c177ee899ab46033649c383577d7e9309d3")),
        dinov2(
            "dinov2_vitg14", giant, registers: 4,
            File(
                size: 4_546_140_349,
                sha256: "746ecb8c6301c645c5c855be91687d274587d6e48fdaec4a729753160b34a283")),
    ]

    private static func dinov2(_ name: String, _ size: Size, registers: Int = 0, _ known: File) -> Entry {
        let plain = registers == 0
        return Entry(
            name: plain ? name : name + "_reg",
            configuration: size.configuration(
                family: plain ? .dinov2 : .dinov2Registers, patch: 14, side: 518, registers: registers,
                layerScale: true),
            source:
                "https://dl.fbaipublicfiles.com/dinov2/\(name)/\(name)_\(plain ? "" : "reg4_")pretrain.pth",
            license: .apache2, sha256: known.sha256, size: known.size,
            huggingFace: [
                "timm/vit_\(size.name)_patch14_\(plain ? "" : "reg4_")dinov2.lvd142m",
                "facebook/dinov2-\(plain ? "" : "with-registers-")\(size.name)",
            ])
    }

    // MARK: DINOv3

    /// As timm publishes them, without the biases of queries and values, which are all 0 in the original files. Those
    /// are given out on request.
    private static let dinov3: [Entry] = [
        dinov3("vits16", small, "lvd1689m", hash: "08c60483"),
        dinov3("vits16plus", smallPlus, "lvd1689m", hash: "4057cbaa"),
        dinov3("vitb16", base, "lvd1689m", hash: "73cec8be"),
        dinov3("vitl16", large, "lvd1689m", hash: "8aa4cbdd"),
        dinov3("vith16plus", hugePlus, "lvd1689m", hash: "7c1da9a5"),
        dinov3("vit7b16", sevenBillion, "lvd1689m", hash: "a955f4ea"),
        dinov3("vitl16", large, "sat493m", hash: "eadcf0ff"),
        dinov3("vit7b16", sevenBillion, "sat493m", hash: "a6675841"),
    ]

    /// - Parameters:
    ///   - data: what the model was trained on: pictures of the web (lvd1689m), which is not part of the name, or of
    ///     satellites (sat493m).
    ///   - hash: the first digits of the SHA-256 of the authors' file.
    private static func dinov3(
        _ size: String, _ shape: Size, _ data: String, hash: String
    ) -> Entry {
        let isSatellite = data == "sat493m"
        var c = shape.configuration(
            family: .dinov3, patch: 16, side: Configuration.Family.dinov3.preset.side, registers: 4,
            layerScale: true)
        c.qkvBias = []
        if isSatellite { c.normalization = .sat493M }
        let repository = "timm/vit_\(shape.name)_patch16_dinov3"
        let hasBiases = shape.name != sevenBillion.name
        return Entry(
            name: "dinov3_\(size)" + (isSatellite ? "_\(data)" : ""), configuration: c,
            source: "https://huggingface.co/\(repository).\(data)/resolve/main/model.safetensors",
            license: .dinov3,
            huggingFace: ["\(repository).\(data)"] + (hasBiases ? ["\(repository)_qkvb.\(data)"] : [])
                + ["facebook/dinov3-\(size)-pretrain-\(data)"],
            original: Original(name: "dinov3_\(size)_pretrain_\(data)-\(hash).pth"))
    }

    // MARK: CLIP

    /// OpenAI's own files, whose hashes are part of their addresses.
    private static let clip: [Entry] = [
        clip(
            "clip_vitb32", base, patch: 32, file: "ViT-B-32",
            hash: "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"),
        clip(
            "clip_vitb16", base, patch: 16, file: "ViT-B-16",
            hash: "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f"),
        clip(
            "clip_vitl14", large, patch: 14, file: "ViT-L-14",
            hash: "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836"),
        clip(
            "clip_vitl14_336", large, patch: 14, side: 336, file: "ViT-L-14-336px",
            hash: "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02"),
    ]

    private static func clip(
        _ name: String, _ size: Size, patch: Int, side: Int = 224, file: String, hash: String
    ) -> Entry {
        let suffix = side == 224 ? "" : "-\(side)"
        return Entry(
            name: name, configuration: size.configuration(family: .clip, patch: patch, side: side),
            source: "https://openaipublic.azureedge.net/clip/models/\(hash)/\(file).pt", license: .mit,
            sha256: hash,
            huggingFace: ["openai/clip-vit-\(size.name)-patch\(patch)\(suffix)"],
            openCLIP: "timm/vit_\(size.name)_patch\(patch)_clip_\(side).openai")
    }

    // MARK: DeiT

    private static let deit: [Entry] = [
        deit("deit_tiny_patch16_224", tiny, hash: "a1311bcf"),
        deit("deit_small_patch16_224", small, hash: "cd65a155"),
        deit("deit_base_patch16_224", base, hash: "b5f2ef4d"),
        deit("deit_tiny_distilled_patch16_224", tiny, hash: "b40b3cf7", distilled: true),
        deit("deit_small_distilled_patch16_224", small, hash: "649709d9", distilled: true),
        deit("deit_base_distilled_patch16_224", base, hash: "df68dfff", distilled: true),
    ]

    /// - Parameter hash: the first digits of the file's SHA-256, which are part of its name as torch.hub
    ///   wants.
    private static func deit(_ name: String, _ size: Size, hash: String, distilled: Bool = false) -> Entry {
        Entry(
            name: name,
            configuration: size.configuration(
                family: .deit, patch: 16, side: 224, distilled: distilled, classes: 1000),
            source: "https://dl.fbaipublicfiles.com/deit/\(name)-\(hash).pth", license: .apache2,
            sha256: hash,
            huggingFace: ["timm/\(name).fb_in1k", "facebook/\(name.replacing("_", with: "-"))"])
    }

    // MARK: AugReg

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
            license: .apache2, huggingFace: ["timm/\(name)"])
    }
}
