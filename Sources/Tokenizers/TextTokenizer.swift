import Base
import Files

/// Turns texts into the ids that a text tower takes.
package struct TextTokenizer: Sendable {
    /// Whose texts it is for, by how a text is framed.
    package enum Kind: String, Sendable {
        /// Start, text, end; nothing behind the end, which is what the tower reads.
        case clip
        /// Text, end, and padding up to the tower's length, whose last place is what the tower reads.
        case siglip
    }

    package let kind: Kind
    /// The files whose content it is.
    package let files: [String]
    /// One more than the largest id.
    package let vocabularyCount: Int
    private let encoder: any TextEncoder
    /// Text that stands for the marks below and others, which no text may hold.
    private let special: [Scalars]
    private let start: Int?
    private let end: Int
    private let padding: Int

    /// Texts are short; the time that pairs take grows with the square of the length.
    private static let longestText = 10_000

    /// A text's ids with start and end; a longer one than `length` is cut and keeps its end. SigLIP's are as many as
    /// `length`, of CLIP's there are no more than there have to be.
    ///
    /// - Parameter length: as many as the tower has positions, at least 2.
    /// - Throws: `VitvideoError` of kind `usage` for a text that holds one of the tokenizer's own marks, such as
    ///   `<|endoftext|>`, or is too long.
    package func ids(of text: String, length: Int) throws(VitvideoError) -> [Int] {
        let scalars = Scalars(text)
        if let mark = special.first(where: scalars.contains) {
            throw VitvideoError(
                .usage,
                reason:
                    "the text \(quoted(text)) holds \(quoted(mark.text)), which the tokenizer has for itself")
        }
        guard scalars.count <= Self.longestText else {
            throw VitvideoError(
                .usage,
                reason: "the text \(quoted(text)) is longer than \(Self.longestText) characters")
        }
        let marks = start == nil ? 1 : 2
        let ids = (start.map { [$0] } ?? []) + encoder.ids(of: scalars).prefix(length - marks) + [end]
        guard kind == .siglip else { return ids }
        return ids + [Int](repeating: padding, count: length - ids.count)
    }
}

// MARK: - Files

extension TextTokenizer {
    /// The names under which the files of a kind lie beside weights, in the order in which they are taken.
    package static func names(of kind: Kind) -> [String] {
        switch kind {
        case .clip: ["tokenizer.json", "vocab.json", openAIName]
        case .siglip: ["spiece.model", "tokenizer.json", "tokenizer.model"]
        }
    }

    /// How OpenAI's file is called.
    package static let openAIName = "bpe_simple_vocab_16e6.txt.gz"

    /// The tokenizer in a directory; nil where none of its files is there.
    ///
    /// - Throws: `VitvideoError` where one cannot be read or is of another kind.
    package static func find(_ kind: Kind, in directory: String) throws -> TextTokenizer? {
        let path = names(of: kind).map { directory + "/" + $0 }.first(where: FileSystem.exists)
        return try path.map { try open($0, kind) }
    }

    /// - Parameter path: a file, or a directory that holds one.
    /// - Throws: `VitvideoError` where it cannot be read or is of another kind.
    package static func open(_ path: String, _ kind: Kind) throws -> TextTokenizer {
        if FileSystem.isDirectory(path) {
            guard let found = try find(kind, in: path) else {
                throw VitvideoError(
                    .noInput, cannot: "find a tokenizer in", path: path,
                    reason: "there is none of " + names(of: kind).joined(separator: ", "))
            }
            return found
        }
        let tokenizer: TextTokenizer
        switch path.lastPathPart {
        case let name where name.hasSuffix(".model"): tokenizer = try sentencePiece(path)
        case "vocab.json", "merges.txt": tokenizer = try vocabularyAndMerges(in: path.parentPath)
        case let name where name.hasSuffix(".json"): tokenizer = try huggingFace(path)
        default: tokenizer = try openAI(path)
        }
        guard tokenizer.kind == kind else {
            let names = [Kind.clip: "CLIP's", .siglip: "SigLIP's"]
            throw VitvideoError(
                .badData, cannot: "use", path: path,
                reason:
                    "it is \(names[tokenizer.kind] ?? "") tokenizer and the model wants \(names[kind] ?? "")")
        }
        return tokenizer
    }

    /// `bpe_simple_vocab_16e6.txt.gz`, unpacked or not: a line of its own, then merges, of which OpenAI's code reads
    /// as many as make 49,152 pieces with those of bytes and two marks.
    private static func openAI(_ path: String) throws -> TextTokenizer {
        let content = try GzipFile.contents(of: path, limit: 1 << 26)
        return try locating("read", path) {
            let lines = content.split(
                separator: UInt8(ascii: "\n"), maxSplits: mostMerges + 1, omittingEmptySubsequences: false)
            guard lines.first?.contains(UInt8(ascii: "#")) == true else {
                throw VitvideoError.badData("it is not the list of merges of a tokenizer")
            }
            let merges = try BytePairs.pairs(ofLines: lines.dropFirst().prefix(mostMerges))
            var vocabulary = Vocabulary()
            for suffix in ["", "</w>"] {
                for character in ByteCharacters.inOrder {
                    vocabulary.add(Array((String(character) + suffix).utf8), vocabulary.count)
                }
            }
            for merge in merges { vocabulary.add(merge.left + merge.right, vocabulary.count) }
            let count = vocabulary.count
            return TextTokenizer(
                kind: .clip, files: [path], vocabularyCount: count + 2,
                encoder: try CLIPEncoder(.openAI, vocabulary, merges: merges),
                special: ["<|startoftext|>", "<|endoftext|>", "<start_of_text>", "<end_of_text>"].map {
                    Scalars($0)
                },
                start: count, end: count + 1, padding: 0)
        }
    }

    private static let mostMerges = 49_152 - 256 - 2

    /// Hugging Face's older pair of files.
    private static func vocabularyAndMerges(in directory: String) throws -> TextTokenizer {
        let files = ["vocab.json", "merges.txt"].map { directory + "/" + $0 }
        let json = try JSONValue(contentsOf: files[0], limit: 1 << 26)
        let vocabulary = try locating("read", files[0]) { try Vocabulary(json) }
        let content = try GzipFile.contents(of: files[1], limit: 1 << 26)
        return try locating("read", files[1]) {
            let lines = content.split(separator: UInt8(ascii: "\n"))
            let head = lines.first?.starts(with: Array("#version".utf8)) == true ? 1 : 0
            let merges = try BytePairs.pairs(ofLines: lines.dropFirst(head))
            return try clip(
                files, try CLIPEncoder(.steps(NormalizerStep.clip), vocabulary, merges: merges), vocabulary,
                AddedTokens())
        }
    }

    private static func huggingFace(_ path: String) throws -> TextTokenizer {
        let json = try TokenizerJSON(contentsOf: path)
        return try locating("read", path) {
            if json.isCLIP {
                let (encoder, vocabulary) = try json.clip()
                return try clip([path], encoder, vocabulary, json.added)
            }
            switch json.kind {
            case "Unigram": return try siglip(path, try json.unigram(), end: "</s>", padding: "</s>")
            case "BPE": return try siglip(path, try json.pairs(), end: "<eos>", padding: "<pad>")
            default:
                throw VitvideoError.badData(
                    "its model \(quoted(json.kind)) is neither CLIP's nor SigLIP's")
            }
        }
    }

    private static func clip(
        _ files: [String], _ encoder: CLIPEncoder, _ vocabulary: Vocabulary, _ added: AddedTokens
    ) throws -> TextTokenizer {
        func mark(_ names: String...) throws -> Int {
            guard let id = names.lazy.compactMap({ added.special[$0] ?? vocabulary[$0] }).first else {
                throw VitvideoError.badData("its vocabulary has no \(names[0])")
            }
            return id
        }
        let (start, end) = (
            try mark("<|startoftext|>", "<start_of_text>"), try mark("<|endoftext|>", "<end_of_text>")
        )
        return TextTokenizer(
            kind: .clip, files: files, vocabularyCount: max(vocabulary.count, start + 1, end + 1),
            encoder: encoder,
            special: (["<|startoftext|>", "<|endoftext|>"] + added.special.keys.sorted()).map { Scalars($0) },
            start: start, end: end, padding: end)
    }

    private static func siglip(
        _ path: String, _ encoder: HuggingFaceEncoder, end: String, padding: String
    ) throws -> TextTokenizer {
        func mark(_ name: String) throws -> Int {
            guard let id = encoder.added.special[name] ?? encoder.vocabulary[name] else {
                throw VitvideoError.badData("its vocabulary has no \(name)")
            }
            return id
        }
        return TextTokenizer(
            kind: .siglip, files: [path], vocabularyCount: encoder.vocabulary.count, encoder: encoder,
            special: ([end, padding] + encoder.added.special.keys.sorted()).map { Scalars($0) }, start: nil,
            end: try mark(end), padding: try mark(padding))
    }

    private static func sentencePiece(_ path: String) throws -> TextTokenizer {
        let file = try SentencePieceFile(contentsOf: path)
        return try locating("read", path) {
            guard
                let end = file.pieces.firstIndex(where: {
                    $0.kind == .control && $0.text == Array("</s>".utf8)
                })
            else { throw VitvideoError.badData("it has no piece </s>") }
            let special = file.pieces.filter { $0.kind == .control || $0.kind == .unknown }
            return TextTokenizer(
                kind: .siglip, files: [path], vocabularyCount: file.pieces.count,
                encoder: try SentencePieceEncoder(file),
                special: special.map { Scalars(String(decoding: $0.text, as: UTF8.self)) }, start: nil,
                end: end,
                padding: end)
        }
    }
}
