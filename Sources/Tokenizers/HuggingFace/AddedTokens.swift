import Base
import Files

/// Tokens that a `tokenizer.json` takes out of a text before anything else happens to it.
struct AddedTokens: Sendable {
    private struct Token {
        let text: Scalars
        let id: Int
    }

    /// Those that a text may hold, the longest first.
    private let tokens: [Token]
    /// Those that stand for the model's own marks.
    let special: [String: Int]

    init() { (tokens, special) = ([], [:]) }

    /// - Parameter json: `added_tokens`.
    /// - Throws: `VitvideoError` for a token with rules that are not known.
    init(_ json: JSONValue?) throws {
        var tokens: [Token] = []
        var special: [String: Int] = [:]
        for token in json?.array ?? [] {
            guard let text = token["content"]?.string, !text.isEmpty, let id = token["id"]?.integer else {
                throw VitvideoError.badData("one of its added tokens has no text or no id")
            }
            if token["special"]?.bool == true {
                special[text] = id
                continue
            }
            let rules = ["single_word", "lstrip", "rstrip", "normalized"].filter { token[$0]?.bool == true }
            guard rules.isEmpty else {
                throw VitvideoError.badData(
                    "its added token \(quoted(text)) is \(rules[0]), which is not known")
            }
            tokens.append(Token(text: Scalars(text), id: id))
        }
        self.tokens = tokens.sorted { $0.text.count > $1.text.count }
        self.special = special
    }

    enum Part {
        case token(Int)
        case text(Scalars)
    }

    /// A text cut at the tokens in it, from left to right, of several at one place at the longest.
    func parts(of text: Scalars) -> [Part] {
        guard !tokens.isEmpty else { return [.text(text)] }
        let byFirst = Dictionary(grouping: tokens) { $0.text[0] }
        var parts: [Part] = []
        var plain: Scalars = []
        var index = 0
        while index < text.count {
            if let token = byFirst[text[index]]?.first(where: { text.has($0.text, at: index) }) {
                if !plain.isEmpty { parts.append(.text(plain)) }
                plain = []
                parts.append(.token(token.id))
                index += token.text.count
            } else {
                plain.append(text[index])
                index += 1
            }
        }
        if !plain.isEmpty { parts.append(.text(plain)) }
        return parts
    }
}
