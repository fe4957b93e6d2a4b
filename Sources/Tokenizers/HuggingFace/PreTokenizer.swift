import Base
import Files

/// How a `tokenizer.json` of SigLIP cuts normalized text into words.
/// https://huggingface.co/docs/tokenizers/components#pre-tokenizers
struct PreTokenizer: Sendable {
    private enum Step: Sendable {
        /// At spaces, which go.
        case spaces
        /// Spaces become `mark`, which is put before a word that does not begin with it, and begins a word.
        case metaspace(mark: Unicode.Scalar, prepends: Prepending, splits: Bool)
        /// Behind each occurrence.
        case behind(Scalars)
    }

    private enum Prepending: String {
        case always, first, never
    }

    private let steps: [Step]

    /// - Parameter json: the `pre_tokenizer`; nil for none.
    /// - Throws: `VitvideoError` for one that is not known.
    init(_ json: JSONValue?) throws { steps = try json.map(Self.steps) ?? [] }

    private static func steps(_ json: JSONValue) throws -> [Step] {
        let type = json["type"]?.string ?? ""
        switch type {
        case "Sequence": return try (json["pretokenizers"]?.array ?? []).flatMap(steps)
        case "WhitespaceSplit": return [.spaces]
        case "Metaspace":
            let mark = Scalars(json["replacement"]?.string ?? "▁")
            let older = json["add_prefix_space"]?.bool ?? true ? "always" : "never"
            guard mark.count == 1,
                let prepends = Prepending(rawValue: json["prepend_scheme"]?.string ?? older)
            else { throw VitvideoError.badData("its pre-tokenizer 'Metaspace' is of an unknown kind") }
            return [.metaspace(mark: mark[0], prepends: prepends, splits: json["split"]?.bool ?? true)]
        case "Split" where json["behavior"]?.string == "MergedWithPrevious" && json["invert"]?.bool != true:
            guard let text = json["pattern"]?["String"]?.string else { fallthrough }
            return [.behind(Scalars(text))]
        default: throw VitvideoError.badData("its pre-tokenizer \(quoted(type)) is not known")
        }
    }

    /// - Parameter isFirst: whether the text begins what is tokenized.
    func words(of text: Scalars, isFirst: Bool) -> [Scalars] {
        var words = text.isEmpty ? [] : [(word: text, isFirst: isFirst)]
        for step in steps {
            words = words.flatMap { word, isFirst in
                Self.split(word, isFirst: isFirst, step).enumerated().map {
                    ($0.element, isFirst && $0.offset == 0)
                }
            }
        }
        return words.map(\.word)
    }

    private static func split(_ word: Scalars, isFirst: Bool, _ step: Step) -> [Scalars] {
        switch step {
        case .spaces: return word.split(whereSeparator: \.isSpace).map { Scalars($0) }
        case .metaspace(let mark, let prepends, let splits):
            var text = word.map { $0 == " " ? mark : $0 }
            if prepends == .always || prepends == .first && isFirst, text.first != mark {
                text = [mark] + text
            }
            return splits ? cut(text) { $0 > 0 && text[$0] == mark } : [text]
        case .behind(let text):
            return cut(word) { $0 >= text.count && word.has(text, at: $0 - text.count) }
        }
    }

    /// Cut before the places where `begins` says so.
    private static func cut(_ text: Scalars, where begins: (Int) -> Bool) -> [Scalars] {
        var words: [Scalars] = []
        for (index, scalar) in text.enumerated() {
            if index == 0 || begins(index) { words.append([]) }
            words[words.count - 1].append(scalar)
        }
        return words
    }
}
