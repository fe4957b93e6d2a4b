import Base
import Files
import FoundationEssentials

/// A step of a `normalizer` in `tokenizer.json`. https://huggingface.co/docs/tokenizers/components#normalizers
enum NormalizerStep: Sendable {
    /// What `Replace` looks for: text, or one of the regular expressions that CLIP's and SigLIP's files have.
    enum Pattern: Sendable {
        case text(Scalars)
        /// `\s+`.
        case spaces
        /// A character two or more times: ` {2,}`.
        case run(Unicode.Scalar)
        /// `[…]` of characters, each by itself.
        case oneOf(Set<Unicode.Scalar>)
    }

    case nfc, nfd, nfkc, nfkd
    case lowercase
    case replace(Pattern, by: Scalars)
    case strip(left: Bool, right: Bool)
    case prepend(Scalars)
    case charsmap(Charsmap)

    /// What CLIPTokenizer does without `tokenizer.json`.
    static let clip: [NormalizerStep] = [.nfc, .replace(.spaces, by: [" "]), .lowercase]

    func applied(to text: Scalars) -> Scalars {
        switch self {
        case .nfc: return NormalForm.nfc(text)
        case .nfd: return NormalForm.nfd(text)
        case .nfkc: return NormalForm.nfkc(text)
        case .nfkd: return NormalForm.nfkd(text)
        case .lowercase: return text.lowercasedOneByOne
        case .strip(let left, let right): return text.trimmed(left: left, right: right, \.isSpace)
        case .prepend(let prefix): return text.isEmpty ? text : prefix + text
        case .charsmap(let charsmap): return charsmap.appliedByGrapheme(to: text)
        case .replace(.text(let wanted), let replacement): return text.replacing(wanted, by: replacement)
        case .replace(.spaces, let replacement): return text.replacingRuns(of: \.isSpace, by: replacement)
        case .replace(.run(let scalar), let replacement):
            return text.replacingRuns(of: { $0 == scalar }, least: 2, by: replacement)
        case .replace(.oneOf(let scalars), let replacement):
            return text.flatMap { scalars.contains($0) ? replacement : [$0] }
        }
    }

    // MARK: Reading

    /// - Parameter json: the `normalizer`; nil for none.
    /// - Throws: `VitvideoError` for a step that is not known.
    static func steps(_ json: JSONValue?) throws -> [NormalizerStep] {
        guard let json else { return [] }
        let type = json["type"]?.string ?? ""
        switch type {
        case "Sequence": return try (json["normalizers"]?.array ?? []).flatMap { try steps($0) }
        case "NFC": return [.nfc]
        case "NFD": return [.nfd]
        case "NFKC": return [.nfkc]
        case "NFKD": return [.nfkd]
        case "Lowercase": return [.lowercase]
        case "Strip":
            return [
                .strip(left: json["strip_left"]?.bool ?? true, right: json["strip_right"]?.bool ?? true)
            ]
        case "Prepend": return [.prepend(Scalars(json["prepend"]?.string ?? ""))]
        case "Replace":
            return [.replace(try pattern(json["pattern"]), by: Scalars(json["content"]?.string ?? ""))]
        case "Precompiled":
            guard let text = json["precompiled_charsmap"]?.string else { return [] }
            guard let data = Data(base64Encoded: text) else {
                throw VitvideoError.badData("its normalization is damaged")
            }
            return [.charsmap(try Charsmap(Array(data)))]
        default: throw VitvideoError.badData("its normalizer \(quoted(type)) is not known")
        }
    }

    private static func pattern(_ json: JSONValue?) throws -> Pattern {
        if let text = json?["String"]?.string { return .text(Scalars(text)) }
        let expression = json?["Regex"]?.string ?? ""
        let scalars = Scalars(expression)
        if expression == #"\s+"# { return .spaces }
        if scalars.count == 5, scalars.has(Scalars("{2,}"), at: 1) { return .run(scalars[0]) }
        if scalars.first == "[", scalars.last == "]", let set = characters(scalars[1..<scalars.count - 1]) {
            return .oneOf(set)
        }
        throw VitvideoError.badData("its normalizer replaces \(quoted(expression)), which is not known")
    }

    /// What stands between brackets: characters, those that are no letters after a backslash or not; nil for ranges
    /// and classes.
    private static func characters(_ text: ArraySlice<Unicode.Scalar>) -> Set<Unicode.Scalar>? {
        var set: Set<Unicode.Scalar> = []
        var rest = text
        while let scalar = rest.popFirst() {
            if scalar != "\\" {
                guard scalar != "-", scalar != "[", scalar != "^" || !set.isEmpty else { return nil }
                set.insert(scalar)
            } else {
                guard let escaped = rest.popFirst(), !escaped.isLetter, !escaped.isNumber else { return nil }
                set.insert(escaped)
            }
        }
        return set
    }
}
