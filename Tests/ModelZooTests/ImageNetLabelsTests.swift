import Base
import Fixtures
import Foundation
import LocalServer
import ModelZoo
import Testing
import ViT

/// ImageNet's class names in the model cache.
@Suite struct ImageNetLabelsTests {
    private let directory: TemporaryDirectory
    private let rack = TestServer.Rack()

    init() throws { directory = try TemporaryDirectory() }

    /// A server that breaks off the first answer half-way, and a cache that takes files from it.
    private func serve(_ list: String) throws -> (server: TestServer, cache: ModelCache) {
        let file = ServedFile(bytes: [UInt8](list.utf8))
        let server = try rack.serve { request, index in
            file.response(to: request, limit: index == 0 ? file.bytes.count / 2 : nil)
        }
        let cache = ModelCache(
            directory: directory.file("cache"), mirror: server.url(""),
            environment: ["HOME": directory.file("home")])
        return (server, cache)
    }

    @Test func labelsAreDownloadedOnce() throws {
        let names = (0..<1000).map { "thing_\($0), other" }
        let (server, cache) = try serve(names.joined(separator: "\n") + "\n")
        let path = directory.file("cache/ilsvrc2012_wordnet_lemmas.txt")
        let missing = VitvideoError.labelsNotFound(path: path, source: ClassLabels.imageNetSource)
        #expect(missing.kind == .unavailable)
        #expect(missing.nextStep == .nameLabels(download: ClassLabels.imageNetSource))
        #expect(throws: missing) { try ClassLabels.imageNet(from: cache, offline: true) }
        let labels = try ClassLabels.imageNet(from: cache)
        #expect(labels.names == names)
        #expect(labels.shortName(7) == "thing 7" && labels.shortName(1000) == "class 1000")
        #expect(try ClassLabels.imageNet(from: cache, offline: true) == labels)
        #expect(server.requests.map(\.path).first == "/ilsvrc2012_wordnet_lemmas.txt")
        #expect(server.requests.count == 2)
    }

    @Test func aListOfAnotherLengthIsNotKept() throws {
        let (_, cache) = try serve("tench\ngoldfish\n")
        let path = directory.file("cache/ilsvrc2012_wordnet_lemmas.txt")
        #expect(throws: VitvideoError.labelsDoNotFit(path: path, problem: "has 2 names, not 1000")) {
            try ClassLabels.imageNet(from: cache)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("cache")) == [])
    }

    @Test func withoutAServerAFileIsAskedFor() throws {
        let cache = ModelCache(
            directory: directory.file("cache"), mirror: "http://127.0.0.1:1",
            environment: ["HOME": directory.file("home")])
        let failed = #expect(throws: VitvideoError.self) { try ClassLabels.imageNet(from: cache) }
        #expect(failed?.kind == .unavailable && failed?.nextStep == .nameLabels(download: nil))
    }
}
