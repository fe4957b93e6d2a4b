/// SigLIP's tokenizers as a `tokenizer.json` describes them.
struct HuggingFaceEncoder: TextEncoder {
    enum Model: Sendable {
        case unigram(Unigram)
        case pairs(CharacterPairs)
    }

    /// What the model's own tokenizer class does with a text before.
    let first: @Sendable (Scalars) -> Scalars
    let added: AddedTokens
    let steps: [NormalizerStep]
    let words: PreTokenizer
    let model: Model
    let vocabulary: Vocabulary

    func ids(of text: Scalars) -> [Int] {
        added.parts(of: first(text)).enumerated().flatMap { index, part -> [Int] in
            switch part {
            case .token(let id): return [id]
            case .text(let text):
                let normalized = steps.reduce(text) { $1.applied(to: $0) }
                return words.words(of: normalized, isFirst: index == 0).flatMap(ids(ofWord:))
            }
        }
    }

    private func ids(ofWord word: Scalars) -> [Int] {
        switch model {
        case .unigram(let unigram): unigram.ids(of: word.utf8)
        case .pairs(let pairs): pairs.ids(of: word)
        }
    }
}

/// Byte pair encoding of characters (`BPE` of tokenizers). What is no piece becomes bytes, else unknown.
struct CharacterPairs: Sendable {
    let pairs: BytePairs
    let vocabulary: Vocabulary
    /// Nil leaves unknown characters out.
    let unknown: Int?
    let fallsBackToBytes: Bool
    /// Whether neighbouring unknown characters become one.
    let fusesUnknown: Bool

    func ids(of word: Scalars) -> [Int] {
        var pieces: [Int] = []
        var followsUnknown = false
        for scalar in word {
            let bytes = Array(String(scalar).utf8)
            if let id = vocabulary[bytes] {
                pieces.append(id)
                followsUnknown = false
            } else if fallsBackToBytes, let ids = vocabulary.bytes(of: bytes) {
                pieces += ids
            } else if let unknown {
                if !(fusesUnknown && followsUnknown) { pieces.append(unknown) }
                followsUnknown = true
            }
        }
        return pairs.joined(pieces)
    }
}
