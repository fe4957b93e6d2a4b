/// How a checkpoint family names the tensors that the engine calls by their canonical names.
///
/// One table a family. `#` stands for the block: in a source name for the prefix and the number together
/// (`encoder.layer.7` is `#`), in a target name for the number alone.
struct NameTable: Sendable {
    struct Rule: Sendable {
        let source: String
        let target: String
        /// Where the target is several tensors stacked along the first axis: this one's position there.
        var part = 0
        /// How the values have to be rearranged; nil for as they are.
        var order: AxisOrder?
        /// Whether the values are factors of the target's, one for each.
        var isMask = false

        init(
            _ source: String, _ target: String, part: Int = 0, order: AxisOrder? = nil, isMask: Bool = false
        ) {
            self.source = source
            self.target = target
            self.part = part
            self.order = order
            self.isMask = isMask
        }
    }

    /// The libraries whose names the tables hold.
    enum Dialect: Sendable, Equatable {
        case torch, clip, huggingFaceCLIP, huggingFaceViT, huggingFaceDinov2, huggingFaceDinov3,
            huggingFaceBEiT, jax
    }

    let dialect: Dialect
    /// What comes before a block's number.
    let blockPrefixes: [String]
    /// Tensors inside the backbone that the engine does without: mask tokens, poolers. `#` stands for the block as in
    /// rules, a trailing `*` matches any rest.
    private let ignored: [String]
    /// First parts of the names of modules that attention depends on. A tensor in them that the table does not know
    /// means that the model is another one.
    let roots: Set<String>
    /// Where the library does not compute as the family's original code does.
    var positionInterpolation: PositionInterpolation?
    var layerNormEpsilon: Float?
    /// Names of tensors by which a model of the family is found: class token and patch embedding.
    let anchors: [String]
    private let rules: [String: Rule]

    init(
        _ dialect: Dialect, roots: Set<String>, blockPrefixes: [String], rules: [Rule], ignored: [String] = []
    ) {
        self.dialect = dialect
        self.roots = roots
        self.blockPrefixes = blockPrefixes
        self.ignored = ignored
        self.rules = Dictionary(rules.map { ($0.source, $0) }) { first, _ in first }
        anchors = rules.filter { ["cls_token", "patch_embed.proj.weight"].contains($0.target) }.map(\.source)
    }

    /// Whether a tensor that the table does not know takes part in attention: it lies in a module that does, or is
    /// one more token, position or norm before the blocks.
    func changesAttention(_ name: String) -> Bool {
        let root = name.prefix { $0 != "." && $0 != "/" }
        if roots.contains(String(root)) { return true }
        if root.hasPrefix("decoder") || root.hasPrefix("mask") { return false }
        return ["pos_embed", "rope", "rel_pos", "relative_position"].contains { root.contains($0) }
            || ["norm_pre", "ln_pre", "pre_norm", "pre_layernorm", "layernorm_pre"].contains(root)
            || ["_token", "_tokens"].contains { root.hasSuffix($0) }
    }

    /// What a source name stands for, its canonical name with it; nil for a name the table does not know.
    func rule(for source: String) -> (rule: Rule, target: String)? {
        let (pattern, block) = pattern(of: source)
        guard let rule = rules[pattern] else { return nil }
        return (rule, rule.target.replacing("#", with: block.map(String.init) ?? "#"))
    }

    /// Whether the engine does without a tensor of the backbone.
    func ignores(_ name: String) -> Bool {
        let pattern = pattern(of: name).pattern
        return ignored.contains { $0.hasSuffix("*") ? pattern.hasPrefix($0.dropLast()) : pattern == $0 }
    }

    /// Replaces a block's prefix and number by `#`. In DINOv2's chunked checkpoints `blocks.0.7.` counts as
    /// `blocks.7.`: the first number is the chunk's.
    private func pattern(of name: String) -> (pattern: String, block: Int?) {
        for prefix in blockPrefixes where name.hasPrefix(prefix) {
            guard var (block, rest) = NameTable.leadingNumber(name.dropFirst(prefix.count)) else { continue }
            if rest.first == ".", let (inner, after) = NameTable.leadingNumber(rest.dropFirst()) {
                (block, rest) = (inner, after)
            }
            return ("#" + rest, block)
        }
        return (name, nil)
    }

    private static func leadingNumber(_ text: Substring) -> (Int, Substring)? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        return Int(digits).map { ($0, text.dropFirst(digits.count)) }
    }
}

extension NameTable {
    /// Weight and bias of a layer under the family's name and the canonical one.
    static func layer(_ source: String, _ target: String, part: Int = 0) -> [Rule] {
        ["weight", "bias"].map { Rule("\(source).\($0)", "\(target).\($0)", part: part) }
    }
}
