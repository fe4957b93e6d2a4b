import Base
import Files

/// Hugging Face's `tokenizer.json`. https://huggingface.co/docs/tokenizers
struct TokenizerJSON {
    /// Of Gemma's 256,000 pieces and 580,000 merges the file has 34 MB.
    private static let longest = 1 << 28

    let added: AddedTokens
    private let json: JSONValue
    private var model: JSONValue? { json["model"] }

    /// - Throws: `VitvideoError` where the file cannot be read or is no tokenizer.
    init(contentsOf path: String) throws {
        json = try JSONValue(contentsOf: path, limit: Self.longest)
        guard json["model"]?.members != nil else {
            throw VitvideoError(
                .badData, cannot: "read", path: path, reason: "it is not a tokenizer of Hugging Face's")
        }
        added = try locating("read", path) { [json] in try AddedTokens(json["added_tokens"]) }
    }

    /// Whether it is CLIP's: pairs of bytes, words ended by `</w>`.
    var isCLIP: Bool { model?["end_of_word_suffix"]?.string == "</w>" }

    /// The kind of its model; older files of pairs do not say it.
    var kind: String { model?["type"]?.string ?? (model?["merges"] == nil ? "" : "BPE") }

    // MARK: CLIP

    /// - Throws: `VitvideoError` where it is not CLIP's.
    func clip() throws -> (encoder: CLIPEncoder, vocabulary: Vocabulary) {
        let split = (json["pre_tokenizer"]?["pretokenizers"]?.array ?? []).first {
            $0["type"]?.string == "Split"
        }
        guard isCLIP, split?["invert"]?.bool == true,
            split?["pattern"]?["Regex"]?.string?.hasSuffix(Self.clipWords) == true
        else { throw VitvideoError.badData("it is not a tokenizer of CLIP's") }
        let vocabulary = try Vocabulary(model?["vocab"])
        return (
            try CLIPEncoder(
                .steps(try NormalizerStep.steps(json["normalizer"])), vocabulary, merges: try merges()),
            vocabulary
        )
    }

    /// How the expression ends that `CLIPWords` follows.
    private static let clipWords = #"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#

    // MARK: SigLIP

    /// SigLIP's, a unigram model.
    func unigram() throws -> HuggingFaceEncoder {
        guard let entries = model?["vocab"]?.array, let unknown = model?["unk_id"]?.integer,
            entries.indices.contains(unknown)
        else { throw VitvideoError.badData("it holds no pieces with scores and none for unknown characters") }
        var vocabulary = Vocabulary()
        let pieces = try entries.enumerated().map { id, entry in
            guard let pair = entry.array, pair.count == 2, let text = pair[0].string,
                let score = pair[1].number
            else { throw VitvideoError.badData("its piece \(id) has no text or no score") }
            vocabulary.add(Array(text.utf8), id)
            return Unigram.Piece(bytes: Array(text.utf8), id: id, score: score)
        }
        let bytes = model?["byte_fallback"]?.bool == true ? vocabulary.bytes(of: Array(0...255)) : nil
        let unigram = Unigram(
            pieces, lowestScore: pieces.map(\.score).min() ?? 0, unknown: unknown, bytes: bytes)
        return try encoder(.unigram(unigram), vocabulary, first: Canonical.text)
    }

    /// SigLIP 2's, which is Gemma's: pairs of characters, unknown ones as bytes.
    func pairs() throws -> HuggingFaceEncoder {
        let vocabulary = try Vocabulary(model?["vocab"])
        let unknown = (model?["unk_token"]?.string).flatMap { vocabulary[$0] }
        let isPlain = ["continuing_subword_prefix", "end_of_word_suffix"].allSatisfy {
            (model?[$0]?.string ?? "").isEmpty
        }
        guard isPlain, model?["ignore_merges"]?.bool != true else {
            throw VitvideoError.badData("its pairs are joined in a way that is not known")
        }
        let pairs = CharacterPairs(
            pairs: try BytePairs(try merges(), in: vocabulary), vocabulary: vocabulary, unknown: unknown,
            fallsBackToBytes: model?["byte_fallback"]?.bool == true,
            fusesUnknown: model?["fuse_unk"]?.bool == true)
        return try encoder(.pairs(pairs), vocabulary) { $0.lowercasedOneByOne }
    }

    private func encoder(
        _ model: HuggingFaceEncoder.Model, _ vocabulary: Vocabulary,
        first: @escaping @Sendable (Scalars) -> Scalars
    ) throws -> HuggingFaceEncoder {
        HuggingFaceEncoder(
            first: first, added: added, steps: try NormalizerStep.steps(json["normalizer"]),
            words: try PreTokenizer(json["pre_tokenizer"]), model: model, vocabulary: vocabulary)
    }

    /// Lists of two pieces, in older files text with a space between them.
    private func merges() throws -> [(left: [UInt8], right: [UInt8])] {
        try (model?["merges"]?.array ?? []).map { merge in
            let pair =
                merge.array?.compactMap { $0.string.map { Array($0.utf8) } }
                ?? merge.string.map { $0.utf8.split(separator: UInt8(ascii: " ")).map { Array($0) } } ?? []
            guard pair.count == 2 else {
                throw VitvideoError.badData("one of its merges is not of two pieces")
            }
            return (pair[0], pair[1])
        }
    }
}
