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

        init(_ source: String, _ target: String, part: Int = 0, order: AxisOrder? = nil) {
            self.source = source
            self.target = target
            self.part = part
            self.order = order
        }
    }

    /// The libraries whose names the tables hold.
    enum Dialect: Sendable, Equatable {
        case torch, huggingFaceViT, huggingFaceDinov2, jax
    }

    let dialect: Dialect
    /// The family's name of a tensor that all its models have, the class token where there is one: it tells
    /// where in the file the model's own names begin.
    let anchor: String
    /// What comes before a block's number.
    let blockPrefixes: [String]
    /// Tensors inside the backbone that the engine does without: mask tokens, poolers. A trailing `*` matches
    /// any rest, here and below.
    let ignored: [String]
    /// Classifiers that lie beside the backbone, outside its prefix. What else lies there is unexpected, but
    /// for `ignoredBeside`: projection heads and decoders left from training.
    let classifiersBeside: [String]
    let ignoredBeside: [String]
    /// Tensors without which the result would be wrong, and which the engine has no use for.
    let refused: [String]
    /// Where the library does not compute as the family's original code does.
    var positionInterpolation: PositionInterpolation?
    var layerNormEpsilon: Float?
    private let rules: [String: Rule]

    init(
        _ dialect: Dialect, anchor: String, blockPrefixes: [String], rules: [Rule], ignored: [String] = [],
        classifiersBeside: [String] = [], ignoredBeside: [String] = [], refused: [String] = []
    ) {
        self.dialect = dialect
        self.anchor = anchor
        self.blockPrefixes = blockPrefixes
        self.ignored = ignored
        self.classifiersBeside = classifiersBeside
        self.ignoredBeside = ignoredBeside
        self.refused = refused
        self.rules = Dictionary(rules.map { ($0.source, $0) }) { first, _ in first }
    }

    /// What a source name stands for, its canonical name with it; nil for a name the table does not know.
    func rule(for source: String) -> (rule: Rule, target: String)? {
        let (pattern, block) = pattern(of: source)
        guard let rule = rules[pattern] else { return nil }
        return (rule, rule.target.replacing("#", with: block.map(String.init) ?? "#"))
    }

    /// Whether one of `patterns` matches.
    static func matches(_ name: String, _ patterns: [String]) -> Bool {
        patterns.contains { $0.hasSuffix("*") ? name.hasPrefix($0.dropLast()) : name == $0 }
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
