import Base
import Files
import Fixtures
import Foundation
import Testing

@testable import Tokenizers

/// Which files are taken for a tokenizer, and what is said of the others.
@Suite struct TokenizerFileTests {
    private func path(_ name: String) -> String { Fixtures.golden("tokens/\(name)").path }

    @Test func theFirstOfAFoldersFilesIsTaken() throws {
        let directory = try TemporaryDirectory()
        #expect(try TextTokenizer.find(.clip, in: directory.path) == nil)
        for name in TextTokenizer.names(of: .clip).reversed() {
            for file in name == "vocab.json" ? [name, "merges.txt"] : [name] {
                try FileManager.default.copyItem(atPath: path("clip/\(file)"), toPath: directory.file(file))
            }
            let found = try #require(try TextTokenizer.find(.clip, in: directory.path))
            #expect(found.files.first == directory.file(name))
        }
        #expect(try TextTokenizer.open(path("siglip"), .siglip).files == [path("siglip/spiece.model")])
    }

    @Test func aFolderWithoutOneIsNamed() throws {
        let directory = try TemporaryDirectory()
        let error = try #require(throws: VitvideoError.self) {
            try TextTokenizer.open(directory.path, .siglip)
        }
        #expect(
            error.kind == .noInput && error.path == directory.path && error.reason.contains("spiece.model"))
    }

    @Test(arguments: [
        ("siglip/spiece.model", TextTokenizer.Kind.clip, "SigLIP's tokenizer"),
        ("siglip2/tokenizer.json", .clip, "SigLIP's tokenizer"),
        ("clip/tokenizer.json", .siglip, "CLIP's tokenizer"),
    ]) func theOtherFamilysIsRefused(file: String, kind: TextTokenizer.Kind, words: String) throws {
        let error = try #require(throws: VitvideoError.self) { try TextTokenizer.open(path(file), kind) }
        #expect(error.kind == .badData && error.path == path(file) && error.reason.contains(words))
    }

    /// What a `tokenizer.json` may ask for and is not computed here.
    @Test(arguments: [
        (#""type":"NFC""#, #""type":"Nmt""#, "'Nmt'"),
        (#"[\\p{L}]+|"#, #"\\p{L}+|"#, "not a tokenizer of CLIP's"),
        (#""Regex":"\\s+""#, #""Regex":"\\d+""#, #"'\d+'"#),
        (#""a":"#, #""not a":"#, "is not of its vocabulary"),
    ]) func anUnknownPartIsNamed(part: String, other: String, words: String) throws {
        let directory = try TemporaryDirectory()
        let text = try String(contentsOfFile: path("clip/tokenizer.json"), encoding: .utf8)
        try #require(text.contains(part))
        let file = directory.file("tokenizer.json")
        try text.replacing(part, with: other).write(toFile: file, atomically: true, encoding: .utf8)
        let error = try #require(throws: VitvideoError.self) { try TextTokenizer.open(file, .clip) }
        #expect(error.kind == .badData && error.path == file && error.reason.contains(words), "\(error)")
    }

    /// Steps that SigLIP's published files have and the golden has not.
    @Test func stepsOfOtherFilesAreRead() throws {
        let json = ##"""
            {"type": "Sequence", "normalizers": [
              {"type": "Lowercase"},
              {"type": "Replace", "pattern": {"Regex": "[!\"\\#\\$%&'\\(\\)\\*\\+,\\-\\.\\/:;=\\?@\\[\\\\\\]\\^_`\\{\\|\\}\\~]"},
               "content": ""},
              {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
              {"type": "Strip", "strip_left": true, "strip_right": true}]}
            """##
        let value = try Array(json.utf8).withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            return try scanner.value()
        }
        let steps = try NormalizerStep.steps(value)
        let text = steps.reduce(Scalars("  The [Dog]_ran -\tFAST! ")) { $1.applied(to: $0) }
        #expect(text.text == "the dogran fast")
    }

    /// Whatever a file holds, it is read or refused.
    @Test(arguments: IdTests.cases.filter { $0.file != "clip/merges.txt" })
    func aDamagedFileIsReadOrRefused(_ item: IdTests.Case) throws {
        let directory = try TemporaryDirectory()
        let sound = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(item.file))))
        if item.file.hasSuffix("vocab.json") {
            try FileManager.default.copyItem(
                atPath: path("clip/merges.txt"), toPath: directory.file("merges.txt"))
        }
        let file = directory.file(item.file.split(separator: "/").last.map(String.init) ?? "")
        var mutator = Mutator(corpus: [sound], seed: 7)
        var refused = 0
        for _ in 0..<300 {
            try Data(mutator.next()).write(to: URL(fileURLWithPath: file))
            do {
                let tokenizer = try TextTokenizer.open(file, item.kind)
                for text in ["a photo of a dog", "ﬁ é 犬 🐶", " ½\u{301} "] {
                    _ = try tokenizer.ids(of: text, length: item.length)
                }
            } catch is VitvideoError {
                refused += 1
            }
        }
        #expect((1..<300).contains(refused))
    }
}
