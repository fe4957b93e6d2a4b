import Base
import Checkpoints
import Fixtures
import Foundation
import Testing

@testable import Tokenizers

/// Texts of many scripts against the ids that the original tokenizers give them (`golden_scripts/tokens.py`).
@Suite struct IdTests {
    /// A tokenizer of the golden, and the file that is read in its place.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let kind: TextTokenizer.Kind
        let file: String
        /// What SigLIP's texts are filled up with.
        var padding = 0

        var length: Int { kind == .clip ? 77 : 64 }
        var testDescription: String { file }
    }

    static let cases = [
        Case(name: "openai", kind: .clip, file: "clip/bpe_simple_vocab_16e6.txt.gz"),
        Case(name: "clip", kind: .clip, file: "clip/tokenizer.json"),
        Case(name: "clip", kind: .clip, file: "clip/vocab.json"),
        Case(name: "clip", kind: .clip, file: "clip/merges.txt"),
        Case(name: "siglip", kind: .siglip, file: "siglip/spiece.model", padding: 1),
        Case(name: "siglip_json", kind: .siglip, file: "siglip/tokenizer.json", padding: 1),
        Case(name: "siglip2", kind: .siglip, file: "siglip2/tokenizer.json"),
    ]

    private struct Row {
        let text: String
        let ids: [Int]
    }

    private static func rows(_ name: String) throws -> [Row] {
        let data = try Data(contentsOf: Fixtures.golden("tokens/ids.json"))
        let golden = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let column = try #require((golden["tokenizers"] as? [String])?.firstIndex(of: name)) + 1
        return try #require(golden["rows"] as? [[Any]]).map { row in
            Row(text: try #require(row[0] as? String), ids: try #require(row[column] as? [Int]))
        }
    }

    @Test(arguments: cases) func idsAreTheOriginals(_ item: Case) throws {
        let tokenizer = try TextTokenizer.open(Fixtures.golden("tokens/\(item.file)").path, item.kind)
        let rows = try Self.rows(item.name)
        #expect(rows.count > 400)
        for row in rows {
            let fill = item.kind == .clip ? 0 : item.length - row.ids.count
            let expected = row.ids + [Int](repeating: item.padding, count: fill)
            let ids = try tokenizer.ids(of: row.text, length: item.length)
            #expect(ids == expected, "\(row.text.debugDescription)")
            #expect(ids.allSatisfy { (0..<tokenizer.vocabularyCount).contains($0) })
        }
    }

    /// OpenAI's own vocabulary, unpacked too.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: published)))
    func idsAreTheOriginalsOfTheRealVocabulary()
        throws
    {
        let tokenizer = try TextTokenizer.open(Self.published, .clip)
        #expect(tokenizer.vocabularyCount == 49_408)
        for row in try Self.rows("openai_real") {
            #expect(try tokenizer.ids(of: row.text, length: 77) == row.ids, "\(row.text.debugDescription)")
        }
        #expect(
            try tokenizer.ids(of: "a photo of a dog", length: 77) == [
                49406, 320, 1125, 539, 320, 1929, 49407,
            ])
    }

    static let published = Fixtures.media("bpe_simple_vocab_16e6.txt.gz").path

    // MARK: Marks and lengths

    @Test func aTextIsCutAndKeepsItsEnd() throws {
        let clip = try TextTokenizer.open(Fixtures.golden("tokens/clip").path, .clip)
        let long = try clip.ids(of: "a dog on the grass", length: 77)
        let short = try clip.ids(of: "a dog on the grass", length: 4)
        #expect(short == Array(long.prefix(3)) + [long[long.count - 1]])
        let siglip = try TextTokenizer.open(Fixtures.golden("tokens/siglip").path, .siglip)
        let whole = try siglip.ids(of: "a dog", length: 64)
        #expect(whole.count == 64 && Set(whole.suffix(50)) == [1])
        #expect(try siglip.ids(of: "a dog", length: 2) == [whole[0], 1])
    }

    @Test(arguments: [("clip", TextTokenizer.Kind.clip, "<|endoftext|>"), ("siglip", .siglip, "</s>")])
    func aTextWithAMarkIsRefused(folder: String, kind: TextTokenizer.Kind, mark: String) throws {
        let tokenizer = try TextTokenizer.open(Fixtures.golden("tokens/\(folder)").path, kind)
        let error = try #require(throws: VitvideoError.self) {
            try tokenizer.ids(of: "a dog\(mark)", length: 64)
        }
        #expect(error.kind == .usage && error.reason.contains(mark))
    }

    @Test func aTextOfTooManyCharactersIsRefused() throws {
        let tokenizer = try TextTokenizer.open(Fixtures.golden("tokens/clip").path, .clip)
        #expect(try tokenizer.ids(of: String(repeating: "a", count: 10_000), length: 77).count == 77)
        let error = try #require(throws: VitvideoError.self) {
            try tokenizer.ids(of: String(repeating: "a", count: 10_001), length: 77)
        }
        #expect(error.kind == .usage && error.reason.contains("10000"))
    }
}

/// The tokenizers that lie beside the golden text towers give the tokens that the towers were given.
@Suite struct TowerTokenTests {
    @Test(arguments: [
        ("clip_openai", TextTokenizer.Kind.clip), ("clip_open_clip", .clip), ("clip_transformers", .clip),
        ("siglip_transformers", .siglip), ("siglip_open_clip", .siglip),
    ]) func tokensAreThoseOfTheTowers(name: String, kind: TextTokenizer.Kind) throws {
        let golden = try Checkpoint.open(Fixtures.golden("texts/\(name).expected.safetensors").path)
        func decoded<Value: Decodable>(_ key: String, _: Value.Type) throws -> Value {
            try JSONDecoder().decode(Value.self, from: Data(try #require(golden.metadata[key]).utf8))
        }
        let tokenizer = try #require(
            try TextTokenizer.find(kind, in: Fixtures.golden("texts/\(name)").path))
        let ids = try decoded("texts", [String].self).map {
            try tokenizer.ids(of: $0, length: kind == .clip ? 20 : 16)
        }
        #expect(ids == (try decoded("tokens", [[Int]].self)))
    }
}
