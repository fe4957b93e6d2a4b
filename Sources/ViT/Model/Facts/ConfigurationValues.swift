import Base
import Files

/// The members of a `config.json` or `preprocessor_config.json`, whichever library wrote it: transformers has them
/// at the top or under `vision_config`, timm under `pretrained_cfg` and `model_args`, OpenCLIP under `model_cfg`.
struct ConfigurationValues {
    private let levels: [JSONValue]
    /// Side of a patch as the tensors have it; nil where they have none.
    private let storedPatch: Int?

    /// - Parameter object: of the file.
    init(_ object: JSONValue, patchSize: Int?) {
        storedPatch = patchSize
        let inner = [
            "pretrained_cfg", "model_args", "preprocess_cfg", "rope_parameters", "vision_config", "model_cfg",
        ].compactMap { object[$0] }.filter { $0.members != nil }
        levels = [object] + inner + inner.compactMap { $0["vision_cfg"] }
    }

    // MARK: Members

    private func member(_ names: [String]) -> JSONValue? {
        names.lazy.compactMap { name in levels.lazy.compactMap { $0[name] }.first }.first
    }

    private func text(_ names: String...) -> String? { member(names)?.string }

    private func integer(_ names: String...) -> Int? {
        member(names)?.integer
    }

    /// A number, or a list of at most three.
    private func numbers(_ names: String...) -> [Float]? {
        let value = member(names)
        let list = value?.array ?? value.map { [$0] } ?? []
        let numbers = list.compactMap { $0.number.map { Float($0) } }
        return !list.isEmpty && numbers.count == list.count && list.count <= 3 ? numbers : nil
    }

    // MARK: What they say

    /// Where a size is not that of the tensors, in words; nil for a file that may be about this model.
    func contradiction(of tensors: CanonicalTensors) -> String? {
        func differs(_ what: String, _ told: Int?, _ found: Int?) -> String? {
            guard let told, let found, told != found else { return nil }
            return "\(what) \(told), not \(found)"
        }
        return differs(
            "width", integer("hidden_size", isOpenCLIP ? "width" : "embed_dim"), tensors.width)
            ?? differs("patch", integer("patch_size"), storedPatch)
            ?? differs("depth", integer("num_hidden_layers", isOpenCLIP ? "layers" : "depth"), tensors.depth)
    }

    /// - Throws: `VitvideoError` where the activation or the blocks are none that are computed here, or numbers make no
    ///   sense.
    func facts() throws -> ModelFacts {
        // Their tensors are called what those of others are.
        if let name = timmArchitecture, name.contains("_rpn_") || name.contains("enormous") {
            throw VitvideoError(
                .badData,
                reason:
                    "its architecture \(name) norms what a block adds and not what it reads, which is not "
                    + "computed here")
        }
        var facts = ModelFacts()
        facts.family = family
        facts.mean = numbers("image_mean", "mean")
        facts.deviation = numbers("image_std", "std")
        if let isNormalized = member(["do_normalize"])?.bool, !isNormalized {
            (facts.mean, facts.deviation) = ([0], [1])
        }
        if let mean = facts.mean, ![1, 3].contains(mean.count) || !mean.allSatisfy(\.isFinite) {
            throw VitvideoError(.badData, reason: "its mean is \(mean)", nextStep: .tellModel([.mean]))
        }
        if let deviation = facts.deviation,
            ![1, 3].contains(deviation.count) || !deviation.allSatisfy({ $0.isFinite && $0 > 0 })
        {
            throw VitvideoError(
                .badData, reason: "its std is \(deviation)", nextStep: .tellModel([.deviation]))
        }
        facts.heads = integer("num_attention_heads", "num_heads") ?? openCLIPHeads
        facts.layerNormEpsilon = numbers("layer_norm_eps", "layer_norm_epsilon")?.first.flatMap {
            $0 > 0 && $0 < 1 ? $0 : nil
        }
        if facts.layerNormEpsilon == nil, timmArchitecture?.hasPrefix("beit3") == true {
            facts.layerNormEpsilon = 1e-5
        }
        facts.rotaryBase = numbers("rope_theta")?.first.flatMap { $0 > 0 ? $0 : nil }
        facts.pooling =
            ["avg": Pooling.meanPatch, "token": .classToken, "map": .attentionProbe][
                text("global_pool") ?? ""]
        facts.activation = try activation()
        facts.grid = grid
        if isTimm || text("timm_model_name") != nil { facts.positionInterpolation = .antialiased }
        return facts
    }

    private var isTimm: Bool {
        text("architecture") != nil && member(["pretrained_cfg", "num_features"]) != nil
    }

    private var family: Configuration.Family? {
        switch text("model_type") {
        case "deit": return .deit
        case "dinov2": return .dinov2
        case "dinov2_with_registers": return .dinov2Registers
        case "dinov3_vit": return .dinov3
        case "clip", "clip_vision_model": return .clip
        case "siglip", "siglip_vision_model": return .siglip
        case "vit_mae": return .mae
        case "ijepa": return .ijepa
        case "beit", "data2vec-vision": return .beit
        // Pretrained as DINO is, by matching views of a picture.
        case "vit_msn": return .dino
        // "vit" is Google's and DINO's.
        case .some: return nil
        case nil: break
        }
        if isOpenCLIP { return .clip }
        guard let architecture = timmArchitecture else { return nil }
        for (prefix, family) in [
            ("deit", Configuration.Family.deit), ("beit3", .vit), ("beit", .beit), ("eva02", .eva02),
            ("eva_", .eva),
        ] where architecture.hasPrefix(prefix) {
            return family
        }
        if architecture.contains("siglip") { return .siglip }
        if architecture.contains("dinov2") {
            return architecture.contains("reg4") ? .dinov2Registers : .dinov2
        }
        if architecture.contains("dinov3") { return .dinov3 }
        if architecture.contains("_clip") { return .clip }
        let tag = text("tag") ?? ""
        if tag.hasPrefix("dino") { return .dino }
        if tag.hasPrefix("mae") { return .mae }
        return ["augreg", "orig"].contains { tag.hasPrefix($0) } ? .vit : nil
    }

    private func activation() throws -> Activation? {
        switch text("hidden_act", "act_layer") {
        case nil: return family == .clip ? clipActivation : family == .siglip ? sigLIPActivation : nil
        case "gelu", "gelu_python": return .gelu
        case "gelu_tanh", "gelu_new", "gelu_fast", "gelu_pytorch_tanh": return .geluTanh
        case "quick_gelu": return .quickGELU
        // Gated layers are told by their shapes; what stands here for them varies.
        case "silu", "swiglu", "swish": return nil
        case let other?:
            throw VitvideoError(
                .badData, reason: "its activation \(quoted(other)) is not computed here",
                nextStep: .tellModel([.activation]))
        }
    }

    /// OpenCLIP's configuration of a tower that is its own; others are timm's or Hugging Face's.
    private var isOpenCLIP: Bool {
        member(["vision_cfg"]) != nil && text("timm_model_name", "hf_model_name") == nil
    }

    /// OpenCLIP counts heads by their width.
    private var openCLIPHeads: Int? {
        guard isOpenCLIP, let width = integer("width") else { return nil }
        let headWidth = integer("head_width") ?? 64
        return headWidth > 0 ? width / headWidth : nil
    }

    /// What a configuration of CLIP means that names no activation.
    private var clipActivation: Activation {
        if isOpenCLIP { return member(["quick_gelu"])?.bool == true ? .quickGELU : .gelu }
        guard let architecture = text("architecture") else { return .quickGELU }
        return architecture.contains("quickgelu") ? .quickGELU : .gelu
    }

    /// The name that timm has for the architecture; in OpenCLIP's configuration that of the vision tower.
    private var timmArchitecture: String? { text("architecture", "timm_model_name") }

    /// timm computes the smaller of the first SigLIP's towers with erf where Google's code has tanh; nil for the
    /// family's.
    private var sigLIPActivation: Activation? {
        guard let name = timmArchitecture else { return nil }
        let isErf =
            name.hasPrefix("vit_base_patch16") || name.hasPrefix("vit_so400m_patch14")
            || name.hasPrefix("vit_large_patch16") && !name.hasSuffix("_512")
        return isErf ? .gelu : .geluTanh
    }

    /// From `image_size` (a number, or height and width) and `patch_size`; timm's `input_size` is channels, height
    /// and width.
    private var grid: PatchGrid? {
        guard let patch = integer("patch_size") ?? storedPatch, patch > 0 else { return nil }
        var size = numbers("image_size", "img_size", "input_size")?.compactMap { Int(exactly: $0) } ?? []
        if size.count == 3 { size.removeFirst() }
        guard let height = size.first, let width = size.last, height >= patch, width >= patch else {
            return nil
        }
        return PatchGrid(rows: height / patch, columns: width / patch)
    }
}
