import Base
import ModelZoo
import Testing
import ViT

/// The table of known models.
@Suite struct ModelZooTests {
    @Test func everyEntryIsWhole() throws {
        #expect(Set(ModelZoo.entries.map(\.name)).count == ModelZoo.entries.count)
        #expect(Set(ModelZoo.entries.map(\.fileName)).count == ModelZoo.entries.count)
        for entry in ModelZoo.entries {
            #expect(entry.source.hasPrefix("https://"))
            #expect((entry.license == .dinov3) == (entry.configuration.family == .dinov3))
            #expect((entry.license.address == nil) == [.apache2, .mit].contains(entry.license))
            #expect([0, 8, 64].contains(entry.sha256.count))
            #expect(entry.sha256.allSatisfy { $0.isHexDigit && !$0.isUppercase })
            let c = entry.configuration
            // SigLIP's so400m and g-opt, ViT-H and ViT-g.
            let wide = [1152: 72, 1280: 80, 1408: 88, 4096: 128]
            let headWidth = c.family == .siglip && c.width == 1536 ? 96 : wide[c.width] ?? 64
            #expect(c.headWidth == (c.family == .dinov3 && c.width == 1280 ? 64 : headWidth))
            #expect(entry.original.map { $0.sha256.count == 8 } ?? true)
            // Four bytes a parameter, and something for names and the format.
            if let size = entry.size {
                var parameters = CanonicalNames.required(by: c).reduce(0) { $0 + $1.shape.reduce(1, *) }
                if c.hasLayerScale { parameters += c.width }  // the mask token
                #expect((0..<200_000).contains(size - Int64(4 * parameters)), "\(entry.name)")
            }
        }
    }

    @Test func dinov3() throws {
        let entries = ModelZoo.entries.filter { $0.configuration.family == .dinov3 }
        #expect(
            entries.map(\.name) == [
                "dinov3_vits16", "dinov3_vits16plus", "dinov3_vitb16", "dinov3_vitl16", "dinov3_vith16plus",
                "dinov3_vit7b16", "dinov3_vitl16_sat493m", "dinov3_vit7b16_sat493m",
            ])
        // Parameters of timm's models.
        let counts = [
            21_586_944, 28_683_264, 85_641_216, 303_079_424, 840_509_440, 6_716_030_976, 303_079_424,
            6_716_030_976,
        ]
        for (entry, count) in zip(entries, counts) {
            let parameters = CanonicalNames.required(by: entry.configuration).reduce(0) {
                $0 + $1.shape.reduce(1, *)
            }
            #expect(parameters == count, "\(entry.name)")
            let isSatellite = entry.name.hasSuffix("_sat493m")
            #expect(entry.configuration.normalization == (isSatellite ? .sat493M : .imageNet))
            #expect(entry.configuration.registers == 4 && entry.configuration.nativeRows == 16)
        }
        let plus = try ModelZoo.entry(named: "dinov3_vits16plus")
        #expect(plus.configuration.feedForwardWidth == 1536 && plus.configuration.activation == .swiglu)
        #expect(plus.fileName == "vit_small_plus_patch16_dinov3.lvd1689m.safetensors")
        // A file of the authors' is known by the hash in its name.
        let hash = "eadcf0ff" + String(repeating: "0", count: 56)
        let known = try #require(ModelZoo.published(withHash: hash))
        #expect(known.name == "dinov3_vitl16_sat493m" && known.configuration.normalization == .sat493M)
    }

    /// Parameters of timm's models, and of transformers' for SigLIP's towers.
    @Test(arguments: [
        ("beit_base_patch16_224.in22k_ft_in22k_in1k", 86_530_984),
        ("beit_base_patch16_384.in22k_ft_in22k_in1k", 86_744_104),
        ("beit_base_patch16_224.in22k_ft_in22k", 102_557_713),
        ("beit_large_patch16_224.in22k_ft_in22k_in1k", 304_430_568),
        ("beit_large_patch16_384.in22k_ft_in22k_in1k", 304_998_888),
        ("beit_large_patch16_512.in22k_ft_in22k_in1k", 305_674_728),
        ("beitv2_base_patch16_224.in1k_ft_in22k_in1k", 86_530_984),
        ("beitv2_base_patch16_224.in1k_ft_in1k", 86_530_984),
        ("beitv2_large_patch16_224.in1k_ft_in22k_in1k", 304_430_568),
        ("beitv2_large_patch16_224.in1k_ft_in1k", 304_430_568),
        ("eva02_tiny_patch14_224.mim_in22k", 5_502_144), ("eva02_small_patch14_224.mim_in22k", 21_621_120),
        ("eva02_base_patch14_224.mim_in22k", 85_758_720), ("eva02_large_patch14_224.mim_in22k", 303_268_800),
        ("eva02_large_patch14_224.mim_m38m", 303_268_800),
        ("eva02_tiny_patch14_336.mim_in22k_ft_in1k", 5_756_584),
        ("eva02_small_patch14_336.mim_in22k_ft_in1k", 22_129_000),
        ("eva02_base_patch14_448.mim_in22k_ft_in22k_in1k", 87_117_544),
        ("eva02_large_patch14_448.mim_m38m_ft_in22k_in1k", 305_080_232),
        ("siglip_vitb16_224", 92_884_224), ("siglip_vitl16_256", 315_956_224),
        ("siglip_so400m14_384", 428_225_600), ("siglip2_vitb32_256", 94_552_320),
        ("siglip2_so400m16_512", 428_772_800), ("siglip2_vitg16_384", 1_163_659_776),
        ("mae_vit_base_patch16", 85_798_656), ("mae_vit_large_patch16", 303_301_632),
        ("mae_vit_huge_patch14", 630_764_800),
    ]) func parametersAreTheOriginals(name: String, count: Int) throws {
        let c = try ModelZoo.entry(named: name).configuration
        #expect(CanonicalNames.required(by: c).reduce(0) { $0 + $1.shape.reduce(1, *) } == count)
    }

    @Test func clip() throws {
        let entries = ModelZoo.entries.filter { $0.configuration.family == .clip }
        #expect(entries.map(\.name) == ["clip_vitb32", "clip_vitb16", "clip_vitl14", "clip_vitl14_336"])
        // Parameters of timm's towers without the projection.
        for (entry, count) in zip(entries, [87_456_000, 85_799_424, 303_179_776, 303_507_456]) {
            let parameters = CanonicalNames.required(by: entry.configuration).reduce(0) {
                $0 + $1.shape.reduce(1, *)
            }
            #expect(parameters == count, "\(entry.name)")
            #expect(
                entry.configuration.activation == .quickGELU && entry.configuration.normalization == .clip)
            // The hash is part of the address.
            #expect(entry.sha256.count == 64 && entry.source.contains("/\(entry.sha256)/"))
        }
        #expect(entries[3].fileName == "ViT-L-14-336px.pt" && entries[3].configuration.nativeRows == 24)
        #expect(entries[3].huggingFace == ["openai/clip-vit-large-patch14-336"])
        #expect(entries[3].openCLIP == "timm/vit_large_patch14_clip_336.openai")
    }

    @Test func whoPublishesAndHowMuch() throws {
        let table = [
            ("dinov2_vits14", "meta", 88_283_115, true), ("dinov3_vits16", "huggingface", 86_347_776, false),
            ("clip_vitb32", "openai", 349_824_000, false),
            ("vit_base_patch16_224.augreg_in1k", "google", 346_270_624, false),
        ]
        for (name, publisher, bytes, isExact) in table {
            let entry = try ModelZoo.entry(named: name)
            #expect(entry.publisher == publisher)
            #expect(entry.sizeOnDisk == (Int64(bytes), isExact), "\(name): \(entry.sizeOnDisk)")
        }
        #expect(Set(ModelZoo.entries.map(\.publisher)).allSatisfy { !$0.contains(".") })
    }

    @Test func dinov2Giant() throws {
        for (name, registers) in [("dinov2_vitg14", 0), ("dinov2_vitg14_reg", 4)] {
            let c = try ModelZoo.entry(named: name).configuration
            #expect(c.width == 1536 && c.depth == 40 && c.heads == 24 && c.registers == registers)
            #expect(c.activation == .swiglu && c.feedForwardWidth == 4096 && c.hasLayerScale)
            #expect(c.nativeRows == 37)
        }
    }

    @Test func modelsAreFoundByNameAndAlias() throws {
        for entry in ModelZoo.entries { #expect(try ModelZoo.entry(named: entry.name) == entry) }
        #expect(try ModelZoo.entry(named: "dino").name == "dino_vitb16")
        #expect(try ModelZoo.entry(named: "supervised").name == "vit_base_patch16_224.augreg_in1k")
        #expect(ModelZoo.find("resnet50") == nil)
        let unknown = #expect(throws: VitvideoError.self) { try ModelZoo.entry(named: "resnet50") }
        #expect(unknown == .unknownModel("resnet50") && unknown?.kind == .usage)
        #expect(
            unknown?.description.hasPrefix(
                "unknown model 'resnet50'; known models: dino_vits16, dino_vits8, dino_vitb16, ") == true)
    }
}
