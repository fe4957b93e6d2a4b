import Base
import Files

/// CLIP's byte pair encoding: words in UTF-8, whose bytes are written as visible characters, the last of them with
/// `</w>`.
struct CLIPEncoder: TextEncoder {
    /// How a text is made fit; the two differ.
    enum Cleaning: Sendable {
        /// As OpenAI's code and OpenCLIP's.
        case openAI
        /// As Hugging Face's CLIPTokenizer.
        case steps([NormalizerStep])
    }

    private let cleaning: Cleaning
    private let pairs: BytePairs
    /// The pieces of single bytes, within a word and at its end.
    private let within: [Int]
    private let last: [Int]

    init(_ cleaning: Cleaning, _ vocabulary: Vocabulary, merges: [(left: [UInt8], right: [UInt8])]) throws {
        self.cleaning = cleaning
        pairs = try BytePairs(merges, in: vocabulary)
        func pieces(_ suffix: String) throws -> [Int] {
            try ByteCharacters.all.map { character in
                guard let id = vocabulary[String(character) + suffix] else {
                    throw VitvideoError.badData(
                        "its vocabulary has no piece \(quoted(String(character) + suffix))")
                }
                return id
            }
        }
        within = try pieces("")
        last = try pieces("</w>")
    }

    func ids(of text: Scalars) -> [Int] {
        let words =
            switch cleaning {
            case .openAI: CLIPWords.split(OpenAICleaning.cleaned(text), ignoresCase: true)
            case .steps(let steps):
                CLIPWords.split(steps.reduce(text) { $1.applied(to: $0) }, ignoresCase: false)
            }
        return words.flatMap { word in
            let bytes = word.utf8
            return pairs.joined(
                bytes.enumerated().map { ($0.offset + 1 == bytes.count ? last : within)[Int($0.element)] })
        }
    }
}

/// The characters that GPT-2's and CLIP's vocabularies write bytes as: those that are visible in Latin-1 are
/// themselves, the others follow from U+0100 on.
enum ByteCharacters {
    /// By the byte.
    static let all: [Unicode.Scalar] = {
        var others: UInt32 = 0x100
        return (UInt8.min...UInt8.max).map { byte in
            if isVisible(byte) { return Unicode.Scalar(byte) }
            defer { others += 1 }
            return Unicode.Scalar(others) ?? Unicode.Scalar(byte)
        }
    }()

    /// In the order in which OpenAI's vocabulary begins with them.
    static let inOrder: [Unicode.Scalar] =
        all.indices.filter { isVisible(UInt8($0)) }.map { all[$0] }
        + all.indices.filter { !isVisible(UInt8($0)) }.map { all[$0] }

    private static func isVisible(_ byte: UInt8) -> Bool {
        (0x21...0x7e).contains(byte) || (0xa1...0xac).contains(byte) || byte >= 0xae
    }
}
