import Base
import Checkpoints

/// A checkpoint's tensors under their canonical names, whatever the family and whatever was wrapped around the
/// model when it was saved.
struct CanonicalTensors: Sendable {
    let checkpoint: Checkpoint
    let table: NameTable
    /// What stands before the model's own names in the file.
    let prefix: String
    /// What is wrong with the names themselves: tensors that change attention in a way that is not computed here.
    private(set) var problems: [String] = []
    /// Why the classifier that the file has cannot be computed; nil where it can, or there is none.
    private(set) var classifierObstacle: String?
    /// What the user should know about what was taken and left.
    private(set) var notices: [ModelNotice] = []
    /// Canonical tensor to its sources in the order they are stacked.
    private var sources: [String: [TensorSource]] = [:]
    /// Canonical tensor to the factors of its values.
    private var masks: [String: TensorSource] = [:]

    /// - Parameter key: which of several models in the file; nil for the preferred one.
    /// - Throws: `VitvideoError` where there is none under `key`.
    init(_ checkpoint: Checkpoint, key: String? = nil) throws {
        self.checkpoint = checkpoint
        let search = BackboneSearch(checkpoint)
        let chosen = try locating("read", checkpoint.path) { try search.chosen(key: key) }
        table = chosen?.table ?? .torch
        prefix = chosen?.prefix ?? ""
        if let chosen, let notice = search.notice(of: chosen) { notices.append(notice) }
        if checkpoint.format == .onnx, checkpoint.metadata["folded_positions"] != nil {
            notices.append(
                ModelNotice(
                    "the exporter computed its position table, which is that of the size it was exported for")
            )
        }

        var left: [String] = []
        for full in checkpoint.names {
            guard full.hasPrefix(prefix) else {
                left.append(full)
                continue
            }
            let name = String(full.dropFirst(prefix.count))
            if table.ignores(name) { continue }
            if let (rule, target) = table.rule(for: name) {
                if rule.isMask {
                    masks[target] = TensorSource(full, in: checkpoint)
                } else {
                    add(full, as: target, part: rule.part, order: rule.order)
                }
            } else if table.changesAttention(name) {
                problems.append("unexpected \(name)")
            } else {
                left.append(full)
            }
        }
        takeNormBeside(&left)
        let classifier = takeClassifier(&left)
        for target in sources.keys { sources[target]?.sort { $0.part < $1.part } }
        checkMasks()
        settleClassifier(left, taken: classifier)
        tell(left)
    }

    /// transformers' `BeitForMaskedImageModeling` keeps the norm after the last block beside the backbone.
    private mutating func takeNormBeside(_ left: inout [String]) {
        guard table.dialect == .huggingFaceBEiT, shape("norm.weight") == nil, shape("fc_norm.weight") == nil
        else { return }
        for parameter in ["weight", "bias"] {
            guard let index = left.firstIndex(of: "layernorm.\(parameter)") else { continue }
            add(left.remove(at: index), as: "norm.\(parameter)")
        }
    }

    private mutating func add(_ full: String, as target: String, part: Int = 0, order: AxisOrder? = nil) {
        guard let source = TensorSource(full, part: part, order: order, in: checkpoint) else { return }
        sources[target, default: []].append(source)
    }

    /// A mask has a tensor to mask, of its own shape.
    private mutating func checkMasks() {
        for (target, mask) in masks.sorted(by: { $0.key < $1.key }) {
            guard let shape = shape(target) else {
                problems.append("unexpected \(mask.name) without a bias")
                continue
            }
            if mask.stored != shape { problems.append("\(mask.name) is \(mask.stored), not \(shape)") }
        }
    }

    // MARK: Classifier

    /// Takes linear classifiers out of what is left over.
    private mutating func takeClassifier(_ left: inout [String]) -> [ClassifierSearch.Found] {
        guard let width else { return [] }
        let found = ClassifierSearch.classifiers(of: checkpoint, prefix: prefix, width: width)
        for layer in found where shape("\(layer.target).weight") == nil {
            for parameter in ["weight", "bias"] {
                add("\(layer.name).\(parameter)", as: "\(layer.target).\(parameter)")
            }
        }
        let taken = Set(found.flatMap { ["\($0.name).weight", "\($0.name).bias"] })
        left.removeAll { taken.contains($0) }
        return found
    }

    /// Leaves a classifier out that more than a linear layer on a token leads to.
    private mutating func settleClassifier(_ left: [String], taken: [ClassifierSearch.Found]) {
        guard shape("head.weight") != nil || shape("linear_head.weight") != nil else { return }
        let between = left.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }.first {
            ["pre_logits.", "pre_logits/"].contains(where: $0.hasPrefix)
        }
        if let between {
            classifierObstacle = "its classifier goes through \(between.prefix { $0 != "." && $0 != "/" })"
        } else if shape("norm.weight") == nil, shape("fc_norm.weight") == nil {
            classifierObstacle = "it has no final norm"
        } else if !hasClassToken, shape("linear_head.weight") != nil {
            classifierObstacle = "its classifier reads a class token, which the model does not have"
        } else if table.dialect == .huggingFaceCLIP, hasClassToken {
            classifierObstacle = "its classifier reads the mean of patches that are not normed"
        } else if isCLIPsProjection {
            classifierObstacle = "its head leads to the space that it shares with texts"
        } else if table.dialect == .torch, shape("dist_token") != nil, shape("head_dist.weight") == nil {
            classifierObstacle = "its distillation head is missing"
        }
        guard let classifierObstacle else { return }
        for name in ["head", "head_dist", "linear_head"] {
            sources[name + ".weight"] = nil
            sources[name + ".bias"] = nil
        }
        notices.append(ModelNotice("\(classifierObstacle), so that it gives no classes"))
    }

    /// timm keeps CLIP's projection as a classifier; a space's dimensions tell it from classes.
    private var isCLIPsProjection: Bool {
        isEVAsCLIP || isTimmsCLIP && [512, 640, 768, 1024, 1280].contains(shape("head.weight")?.first ?? 0)
    }

    // MARK: Left over

    /// One notice on all tensors that are not used, by the first parts of their names.
    private mutating func tell(_ left: [String]) {
        guard !left.isEmpty, !sources.isEmpty else { return }
        var groups: [(name: String, count: Int)] = []
        for full in left {
            let isInside = !prefix.isEmpty && full.hasPrefix(prefix)
            let name = isInside ? String(full.dropFirst(prefix.count)) : full
            let group = String(name.prefix { $0 != "." && $0 != "/" })
            if let index = groups.firstIndex(where: { $0.name == group }) {
                groups[index].count += 1
            } else {
                groups.append((group, 1))
            }
        }
        let shown = groups.prefix(6).map {
            $0.count == 1 ? oneLine($0.name) : "\(oneLine($0.name)) (\($0.count))"
        }
        notices.append(
            ModelNotice(
                "left out \(left.count) tensor\(left.count == 1 ? "" : "s") that attention does not depend on: "
                    + shown.joined(separator: ", ")
                    + (groups.count > 6 ? " and \(groups.count - 6) more" : "")))
    }

    // MARK: Tensors

    /// Canonical names of all tensors, sorted.
    var names: [String] { sources.keys.sorted() }

    /// The shape of a canonical tensor as it would be assembled; nil where the checkpoint has none.
    func shape(_ name: String) -> [Int]? { sources[name]?.stackedShape }

    /// The shape of a canonical tensor's first source as it is stored.
    func storedShape(_ name: String) -> [Int]? { sources[name]?.first?.stored }

    /// Which parts of a canonical tensor the file has, where it keeps them apart.
    func parts(_ name: String) -> [Int] { sources[name]?.map(\.part) ?? [] }

    /// The thirds of queries, keys and values that have a bias.
    var qkvBias: QKVBias {
        let name = "blocks.0.attn.qkv.bias"
        guard let bias = shape(name) else { return [] }
        let parts = parts(name)
        // One tensor for all three, as most libraries keep it, or for two as an import writes it.
        if parts == [0], let rows = bias.first, let all = shape("blocks.0.attn.qkv.weight")?.first {
            if rows == all { return .all }
            if 3 * rows == 2 * all { return [.queries, .values] }
        }
        return parts.reduce(into: []) { $0.insert(QKVBias(rawValue: 1 << $1)) }
    }

    /// Whether tensors are there that only DINOv3's own code has.
    var hasDINOv3sOwn: Bool {
        shape("rope_embed.periods") != nil || !masks.isEmpty || callsRegisters(NameTable.dinov3Registers)
    }

    /// Whether the registers have the name that timm gives them.
    var hasTimmsRegisters: Bool { callsRegisters(NameTable.timmRegisters) }

    private func callsRegisters(_ name: String) -> Bool {
        sources["register_tokens"]?.first?.name == prefix + name
    }

    /// The width of the tokens.
    var width: Int? { shape("patch_embed.proj.weight")?.first }

    var hasClassToken: Bool { shape("cls_token") != nil }

    /// Whether scores are shifted by relative position.
    var hasRelativePositions: Bool { relativeTable != nil }

    /// The shape of a table of relative positions, entries × heads.
    var relativeTable: [Int]? {
        shape(CanonicalNames.sharedBiasTable) ?? shape(CanonicalNames.biasTable("blocks.0."))
    }

    /// Whether it is a tower of EVA-02-CLIP, which norms the heads' outputs.
    private var isEVAsCLIP: Bool {
        shape("blocks.0.attn.norm.weight") != nil && shape("blocks.0.mlp.w12.weight") != nil
    }

    /// Whether it is a tower of CLIP under timm's names.
    var isTimmsCLIP: Bool {
        table.dialect == .torch && shape("norm_pre.weight") != nil && shape("patch_embed.proj.bias") == nil
    }

    /// Whether the file is one of OpenAI's CLIP, whose programs hold three sizes beside their towers.
    var isOpenAIs: Bool {
        ["input_resolution", "context_length", "vocab_size"].allSatisfy { checkpoint[$0] != nil }
    }

    /// The number of blocks, which are numbered without a gap.
    var depth: Int { (0...).first { shape("blocks.\($0).norm1.weight") == nil } ?? 0 }

    /// The number of heads where tensors tell: in JAX they are an axis of their own, a query kernel is (D, heads, width);
    /// a table of relative positions has a column a head; queries and keys are normed over a head's width.
    var storedHeads: Int? {
        if let kernel = storedShape("blocks.0.attn.qkv.weight"), kernel.count == 3 { return kernel[1] }
        if let table = relativeTable { return table.last }
        if let headWidth = shape("blocks.0.attn.q_norm.weight")?.first, headWidth > 0 {
            return width.map { $0 / headWidth }
        }
        return nil
    }

    /// Whether the position table has an entry for the class token. Grids are square where nothing else is told.
    var positionsCoverClassToken: Bool {
        guard let table = shape("pos_embed"), table.count == 3 else { return false }
        let side = Int(Double(max(table[1], 0)).squareRoot().rounded())
        return side * side != table[1]
    }

    /// The canonical name, with the file's own where that is another.
    func described(_ name: String) -> String {
        guard let full = sources[name]?.first?.name else { return name }
        let own = full.hasPrefix(prefix) ? String(full.dropFirst(prefix.count)) : full
        return own.isEmpty || own == name ? name : "\(name) (\(own))"
    }

    /// A canonical tensor's values, row-major.
    ///
    /// - Throws: `VitvideoError`.
    func values(_ name: String) throws -> [Float] {
        let parts = sources[name] ?? []
        if parts.count > 1 { return try parts.flatMap { try $0.values(in: checkpoint) } }
        let whole = try parts.first?.values(in: checkpoint) ?? []
        guard hasDINOv3sOwn, name.hasSuffix(".attn.qkv.bias"),
            shape("\(name.dropLast("bias".count))weight")?.first == whole.count
        else { return whole }
        return try masked(whole, by: masks[name])
    }

    /// The bias of queries, keys and values that DINOv3's `LinearKMaskedBias` adds: what is stored times a mask,
    /// which is 0 for the keys at least. In a model that was made but not initialized the mask is NaN; then it says
    /// nothing, and neither does one that is missing.
    private func masked(_ bias: [Float], by mask: TensorSource?) throws -> [Float] {
        let mask = try mask.map { try checkpoint.floats($0.name) } ?? []
        let third = bias.count / 3
        return bias.indices.map { i in
            if third..<2 * third ~= i { return 0 }
            return i < mask.count && mask[i].isFinite ? bias[i] * mask[i] : bias[i]
        }
    }
}
