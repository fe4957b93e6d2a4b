/// The words that CLIP's pairs are joined in, in both of its tokenizers:
/// `'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`, found from left to right.
enum CLIPWords {
    private static let endings: [Scalars] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map { Scalars($0) }

    /// - Parameters:
    ///   - text: in lower case.
    ///   - ignoresCase: whether capitals in the endings would count, which of letters in lower case lets the long s
    ///     be an s.
    static func split(_ text: Scalars, ignoresCase: Bool) -> [Scalars] {
        let endings = endings + (ignoresCase ? [["'", "ſ"]] : [])
        var words: [Scalars] = []
        var index = 0
        func run(while belongs: (Unicode.Scalar) -> Bool) -> Scalars {
            Scalars(text[index...].prefix(while: belongs))
        }
        while index < text.count {
            let scalar = text[index]
            let word: Scalars =
                if scalar.isSpace {
                    []
                } else if let ending = endings.first(where: { text.has($0, at: index) }) {
                    ending
                } else if scalar.isLetter {
                    run { $0.isLetter }
                } else if scalar.isNumber {
                    [scalar]
                } else {
                    run { !$0.isSpace && !$0.isLetter && !$0.isNumber }
                }
            if !word.isEmpty { words.append(word) }
            index += max(word.count, 1)
        }
        return words
    }
}
