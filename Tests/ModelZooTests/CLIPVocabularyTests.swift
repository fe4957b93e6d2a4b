import Base
import Fixtures
import Foundation
import LocalServer
import ModelZoo
import Testing

/// CLIP's vocabulary in the model cache.
@Suite struct CLIPVocabularyTests {
    private let directory: TemporaryDirectory
    private let rack = TestServer.Rack()

    init() throws { directory = try TemporaryDirectory() }

    private func serve(_ bytes: [UInt8]) throws -> (server: TestServer, cache: ModelCache) {
        let server = try rack.serve { request, _ in ServedFile(bytes: bytes).response(to: request) }
        let cache = ModelCache(
            directory: directory.file("cache"), mirror: server.url(""),
            environment: ["HOME": directory.file("home")])
        return (server, cache)
    }

    private var path: String { directory.file("cache/bpe_simple_vocab_16e6.txt.gz") }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: published))) func itIsDownloadedOnce() throws {
        let (server, cache) = try serve([UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.published))))
        let missing = VitvideoError.vocabularyNotFound(path: path, source: ModelCache.clipVocabularySource)
        #expect(missing.nextStep == .nameTokenizer(download: ModelCache.clipVocabularySource))
        #expect(throws: missing) { try cache.clipVocabulary(offline: true) }
        #expect(try cache.clipVocabulary() == path)
        #expect(try cache.clipVocabulary(offline: true) == path)
        #expect(server.requests.map(\.path) == ["/bpe_simple_vocab_16e6.txt.gz"])
        // One that was changed is not taken.
        try Data("changed".utf8).write(to: URL(fileURLWithPath: path))
        let error = try #require(throws: VitvideoError.self) { try cache.clipVocabulary() }
        #expect(error.kind == .badData && error.path == path)
    }

    private static let published = Fixtures.media("bpe_simple_vocab_16e6.txt.gz").path

    @Test func anotherFileIsNotKept() throws {
        let (_, cache) = try serve([UInt8]("no vocabulary".utf8))
        #expect(throws: VitvideoError.self) { try cache.clipVocabulary() }
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
