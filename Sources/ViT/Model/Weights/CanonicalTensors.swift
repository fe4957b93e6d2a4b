import Base
import Checkpoints

/// A checkpoint's tensors under their canonical names, whatever the family and whatever was wrapped around the
/// model when it was saved.
struct CanonicalTensors: Sendable {
    private struct Source: Sendable {
        let name: String
        let rule: NameTable.Rule
        let stored: [Int]
        /// The shape after rearranging; the stored one where the rule's does not apply.
        let shape: [Int]
    }

    let checkpoint: Checkpoint
    let table: NameTable
    /// What is wrong with the names themselves: tensors that the table does not know, or refuses.
    private(set) var problems: [String] = []
    /// A canonical tensor's sources in the order they are stacked.
    private var sources: [String: [Source]] = [:]
    /// What stands before the model's own names in the file.
    let prefix: String

    /// What training code, wrappers and enclosing classes put before the model's own names.
    private static let wrappers = [
        "module.", "model.", "_orig_mod.", "backbone.", "encoder.", "vit.", "deit.", "dinov2.",
        "dinov2_with_registers.", "opt/target/", "params/",
    ]

    init(_ checkpoint: Checkpoint) {
        self.checkpoint = checkpoint
        (table, prefix) = CanonicalTensors.family(of: checkpoint)
        for full in checkpoint.names {
            guard let stored = checkpoint[full]?.shape else { continue }
            let isInside = full.hasPrefix(prefix)
            let name = isInside ? String(full.dropFirst(prefix.count)) : CanonicalTensors.unwrapped(full)
            if NameTable.matches(name, isInside ? table.ignored : table.ignoredBeside) { continue }
            if NameTable.matches(name, table.refused) {
                problems.append("\(name): a layer between the blocks and the classifier is not supported")
                continue
            }
            guard let (rule, target) = table.rule(for: name),
                isInside || NameTable.matches(name, table.classifiersBeside)
            else {
                problems.append("unexpected \(isInside ? name : full)")
                continue
            }
            let shape = rule.order?.shape(of: stored) ?? stored
            sources[target, default: []].append(Source(name: full, rule: rule, stored: stored, shape: shape))
        }
        for target in sources.keys { sources[target]?.sort { $0.rule.part < $1.rule.part } }
    }

    /// The table that knows most of the names, and the prefix before them, so that `module.backbone.cls_token`
    /// gives `module.backbone.`.
    private static func family(of checkpoint: Checkpoint) -> (table: NameTable, prefix: String) {
        let tables: [NameTable] = [.torch, .huggingFaceViT, .huggingFaceDinov2, .jax]
        var best: (table: NameTable, prefix: String, known: Int) = (.torch, "", 0)
        for table in tables {
            guard let prefix = prefix(before: table.anchor, in: checkpoint.names) else { continue }
            let known = checkpoint.names.count {
                $0.hasPrefix(prefix) && table.rule(for: String($0.dropFirst(prefix.count))) != nil
            }
            if known > best.known { best = (table, prefix, known) }
        }
        // timm's gated models use the names of plain ones; only the sizes differ.
        if let fc1 = checkpoint[best.prefix + "blocks.0.mlp.fc1.weight"]?.shape.first,
            let fc2 = checkpoint[best.prefix + "blocks.0.mlp.fc2.weight"]?.shape.last,
            fc1 == 2 * fc2
        {
            return (.timmGated, best.prefix)
        }
        return (best.table, best.prefix)
    }

    private static func prefix(before anchor: String, in names: [String]) -> String? {
        for name in names where name.hasSuffix(anchor) {
            if unwrapped(name) == anchor { return String(name.dropLast(anchor.count)) }
        }
        return nil
    }

    /// A name without the wrappers before it.
    private static func unwrapped(_ name: String) -> String {
        var rest = Substring(name)
        while let known = wrappers.first(where: { rest.hasPrefix($0) }) { rest = rest.dropFirst(known.count) }
        return String(rest)
    }

    // MARK: Tensors

    /// Canonical names of all tensors, sorted.
    var names: [String] { sources.keys.sorted() }

    /// The shape of a canonical tensor as it would be assembled; nil where the checkpoint has none.
    func shape(_ name: String) -> [Int]? {
        guard let parts = sources[name], var shape = parts.first?.shape else { return nil }
        if parts.count > 1, !shape.isEmpty { shape[0] = parts.reduce(0) { $0 + ($1.shape.first ?? 0) } }
        return shape
    }

    /// The shape of a canonical tensor's first source as it is stored.
    func storedShape(_ name: String) -> [Int]? { sources[name]?.first?.stored }

    /// The number of blocks, which are numbered without a gap.
    var depth: Int { (0...).first { shape("blocks.\($0).norm1.weight") == nil } ?? 0 }

    /// JAX keeps the heads as an axis of their own: a query kernel is (D, heads, width).
    var storedHeads: Int? {
        storedShape("blocks.0.attn.qkv.weight").flatMap { $0.count == 3 ? $0[1] : nil }
    }

    /// Whether the position table has an entry for the class token. Grids are square where nothing else is told.
    var positionsCoverClassToken: Bool {
        guard let table = shape("pos_embed"), table.count == 3 else { return false }
        let side = Int(Double(max(table[1], 0)).squareRoot().rounded())
        return side * side != table[1]
    }

    /// The canonical name, with the file's own where that is another.
    func described(_ name: String) -> String {
        let own = sources[name]?.first?.name.dropFirst(prefix.count) ?? ""
        return own.isEmpty || own == name ? name : "\(name) (\(own))"
    }

    /// A canonical tensor's values, row-major.
    ///
    /// - Throws: `VitvideoError`.
    func values(_ name: String) throws -> [Float] {
        let parts = sources[name] ?? []
        if parts.count == 1 { return try values(parts[0]) }
        return try parts.flatMap { try values($0) }
    }

    private func values(_ source: Source) throws -> [Float] {
        let values = try checkpoint.floats(source.name)
        if let index = FiniteValues.firstOther(values) {
            try locating("use tensor \(quoted(source.name)) of", checkpoint.path) {
                throw VitvideoError.weightNotFinite(values[index], at: index)
            }
        }
        guard let order = source.rule.order, order.shape(of: source.stored) != nil else { return values }
        return order.rearranged(values, shape: source.stored)
    }
}
