import Downloads
import Files
import Fixtures
import Foundation
import LocalServer
import Testing
import ViT

/// Where weights are looked for, how they get there, and what is refused.
@Suite struct ModelCacheTests {
    private let directory: TemporaryDirectory
    private let rack = TestServer.Rack()
    /// The golden of timm's distilled DeiT stands for a published file.
    private let published: Data
    private var files: FileManager { .default }

    init() throws {
        directory = try TemporaryDirectory()
        published = try Data(contentsOf: Fixtures.golden("families/deit_distilled.safetensors"))
    }

    private var home: [String: String] { ["HOME": directory.file("home")] }

    private func cache(
        mirror: String? = nil, _ environment: [String: String] = [:]
    ) -> ModelCache {
        ModelCache(
            directory: directory.file("cache"), mirror: mirror,
            environment: home.merging(environment) { $1 })
    }

    private func entry(_ source: String = "https://example.org/deit-tiny.pth", sha256: String = "")
        -> ModelZoo.Entry
    {
        ModelZoo.Entry(
            name: "tiny",
            configuration: Configuration(
                family: .deit, patchSize: 4, width: 24, depth: 2, heads: 2, hasDistillationToken: true,
                nativeRows: 4, nativeColumns: 4, classes: 5),
            source: source, licence: "Apache-2.0", sha256: sha256, huggingFace: ["timm/tiny.a"])
    }

    private func put(_ data: Data, _ path: String) throws {
        try files.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try data.write(to: URL(fileURLWithPath: path))
    }

    private var contents: [String] {
        ((try? files.contentsOfDirectory(atPath: directory.file("cache"))) ?? []).sorted()
    }

    private func serve(_ data: Data) throws -> TestServer {
        let file = ServedFile(bytes: [UInt8](data))
        return try rack.serve { request, index in
            file.response(to: request, limit: index == 0 ? file.bytes.count / 2 : nil)
        }
    }

    // MARK: Finding

    @Test func standardPlaces() {
        #expect(ModelCache.standard(environment: ["VITVIDEO_CACHE": "/c", "HOME": "/h"]).directory == "/c")
        #expect(ModelCache.standard(environment: ["XDG_CACHE_HOME": "/x"]).directory == "/x/vitvideo")
        let plain = ModelCache.standard(environment: ["HOME": "/h", "VITVIDEO_CACHE": ""])
        #expect(plain.directory == "/h/.cache/vitvideo" && plain.mirror == nil)
        #expect(ModelCache.standard(environment: ["VITVIDEO_MIRROR": "https://m"]).mirror == "https://m")
    }

    @Test(arguments: [
        ([:], "/h/.cache/torch/hub/checkpoints", "/h/.cache/huggingface/hub"),
        (["XDG_CACHE_HOME": "/x"], "/x/torch/hub/checkpoints", "/x/huggingface/hub"),
        (["TORCH_HOME": "~/t", "HF_HOME": "~/f"], "/h/t/hub/checkpoints", "/h/f/hub"),
        (["HF_HUB_CACHE": "/hub", "HF_HOME": "/f"], "/h/.cache/torch/hub/checkpoints", "/hub"),
        (["HUGGINGFACE_HUB_CACHE": "/old"], "/h/.cache/torch/hub/checkpoints", "/old"),
    ]) func foreignPlaces(environment: [String: String], torch: String, huggingFace: String) {
        let caches = ForeignCaches(environment: environment.merging(["HOME": "/h"]) { $1 })
        #expect(caches.torchCheckpoints == torch)
        #expect(caches.huggingFaceHub == huggingFace)
    }

    @Test func theNearestFileIsTaken() throws {
        let entry = entry()
        #expect(cache().find(entry) == nil && !cache().has(entry))
        let hub = directory.file("home/.cache/huggingface/hub/models--timm--tiny.a")
        try put(published, hub + "/snapshots/aaa/model.safetensors")
        #expect(cache().find(entry)?.origin == .huggingFace)
        try put(published, hub + "/snapshots/bbb/model.safetensors")
        try put(Data("bbb\n".utf8), hub + "/refs/main")
        #expect(cache().find(entry)?.path == hub + "/snapshots/bbb/model.safetensors")
        // A snapshot whose blob was pruned is no file.
        try files.removeItem(atPath: hub + "/snapshots/bbb/model.safetensors")
        try files.createSymbolicLink(
            atPath: hub + "/snapshots/bbb/model.safetensors", withDestinationPath: "../../blobs/gone")
        #expect(cache().find(entry)?.path == hub + "/snapshots/aaa/model.safetensors")
        try put(published, directory.file("torch/hub/checkpoints/deit-tiny.pth"))
        let torch = ["TORCH_HOME": directory.file("torch")]
        #expect(cache().find(entry)?.origin == .huggingFace)
        #expect(cache(torch).find(entry)?.origin == .torchHub)
        try put(published, cache().pulledPath(of: entry))
        #expect(cache(torch).find(entry)?.origin == .pulled)
        try put(published, cache().path(of: entry))
        #expect(cache(torch).find(entry)?.origin == .imported)
        #expect(try cache(torch).load(entry).configuration == entry.configuration)
    }

    private func cache(_ environment: [String: String]) -> ModelCache { cache(mirror: nil, environment) }

    @Test func aForeignFileOfAnotherHashIsRefused() throws {
        try put(published, directory.file("home/.cache/torch/hub/checkpoints/deit-tiny.pth"))
        #expect(try cache().load(entry()).name == "tiny")
        let hash = try ContentHash.sha256(of: published)
        #expect(try cache().verify(entry(sha256: String(hash.prefix(8)))).sha256 == hash)
        let error = #expect(throws: ModelError.self) { try cache().load(entry(sha256: "deadbeef")) }
        #expect(error?.description.contains("deadbeef") == true)
        #expect(throws: ModelError.self) { try cache().verify(entry(sha256: "deadbeef")) }
    }

    // MARK: Pulling

    @Test func pullingGoesOnAfterABreak() throws {
        let server = try serve(published)
        let entry = entry(server.url("/weights/tiny.pth"), sha256: try ContentHash.sha256(of: published))
        var seen: [Download.Progress] = []
        let path = try cache().pull(entry, progress: { seen.append($0) })
        #expect(path == cache().pulledPath(of: entry))
        #expect(contents == ["tiny.pth", "tiny.pth.sha256"])
        #expect(seen.last?.received == Int64(published.count))
        #expect(server.requests.count == 2)
        let model = try cache().load(entry)
        #expect(model.weightsHash == entry.sha256)
        #expect(try cache().verify(entry).expected == entry.sha256)
    }

    @Test func aWrongHashLeavesNothing() throws {
        let server = try serve(published)
        let entry = entry(server.url("/tiny.pth"), sha256: "deadbeef")
        let error = #expect(throws: ModelError.self) { try cache().pull(entry) }
        guard case .pullFailed("tiny", let cause) = error else {
            Issue.record("not a failed pull: \(String(describing: error))")
            return
        }
        #expect(cause.kind == .badData)
        #expect(error?.description.contains("\n") == false)
        #expect(contents == [])
    }

    @Test func somethingElseThanTheModelLeavesNothing() throws {
        let other = try Data(contentsOf: Fixtures.golden("families/dino_wrapped.safetensors"))
        let server = try serve(other)
        #expect(throws: ModelError.self) { try cache().pull(entry(server.url("/tiny.pth"))) }
        #expect(contents == [])
    }

    /// Where no hash is published, a file is still held to what it was when it came.
    @Test func laterDamageIsNoticed() throws {
        let server = try serve(published)
        let entry = entry(server.url("/tiny.pth"))
        let path = try cache().pull(entry)
        #expect(try cache().verify(entry).expected == (try ContentHash.sha256(of: published)))
        var damaged = published
        damaged[damaged.count - 1] ^= 1
        try put(damaged, path)
        #expect(throws: ModelError.self) { try cache().load(entry) }
        #expect(throws: ModelError.self) { try cache().verify(entry) }
        _ = try cache().pull(entry)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == published)
    }

    @Test func aMirrorStandsInForThePublisher() throws {
        let server = try serve(published)
        _ = try cache(mirror: server.url("/mirror")).pull(entry())
        #expect(server.requests.map(\.path) == ["/mirror/deit-tiny.pth", "/mirror/deit-tiny.pth"])
    }

    @Test func offlineSaysWhereToGetTheFile() throws {
        let error = #expect(throws: ModelError.self) { try cache().load("dino", offline: true) }
        #expect(error?.description.contains("dino_vitbase16_pretrain.pth") == true)
        let unreachable = cache(mirror: "http://127.0.0.1:1")
        let failed = #expect(throws: ModelError.self) { try unreachable.load("dino") }
        #expect(failed?.description.contains("models import") == true)
        #expect(throws: ModelError.self) { try cache().load("resnet50") }
        #expect(contents == [])
    }

    // MARK: The zoo

    @Test func everyEntryIsWhole() throws {
        #expect(Set(ModelZoo.entries.map(\.name)).count == ModelZoo.entries.count)
        #expect(Set(ModelZoo.entries.map(\.fileName)).count == ModelZoo.entries.count)
        for entry in ModelZoo.entries {
            #expect(entry.source.hasPrefix("https://") && entry.licence == "Apache-2.0")
            #expect([0, 8, 64].contains(entry.sha256.count))
            #expect(entry.sha256.allSatisfy { $0.isHexDigit && !$0.isUppercase })
            let c = entry.configuration
            #expect(c.width == c.heads * 64)
            // Four bytes a parameter, and something for names and the format.
            if let size = entry.size {
                var parameters = CanonicalNames.required(by: c).reduce(0) { $0 + $1.shape.reduce(1, *) }
                if c.hasLayerScale { parameters += c.width }  // the mask token
                #expect((0..<200_000).contains(size - Int64(4 * parameters)), "\(entry.name)")
            }
        }
        #expect(try ModelZoo.entry(named: "supervised").name == "vit_base_patch16_224.augreg_in1k")
    }

    // MARK: Class names

    @Test func labelsAreFetchedOnce() throws {
        let names = (0..<1000).map { "thing_\($0), other" }
        let list = Data((names.joined(separator: "\n") + "\n").utf8)
        let server = try serve(list)
        let cache = cache(mirror: server.url(""))
        #expect(throws: ModelError.self) { try ClassLabels.imageNet(from: cache, offline: true) }
        let labels = try ClassLabels.imageNet(from: cache)
        #expect(labels.names == names)
        #expect(labels.shortName(7) == "thing 7" && labels.shortName(1000) == "class 1000")
        #expect(try ClassLabels.imageNet(from: cache, offline: true) == labels)
        #expect(server.requests.map(\.path).first == "/ilsvrc2012_wordnet_lemmas.txt")
        #expect(server.requests.count == 2)
    }

    @Test func aListOfAnotherLengthIsRefused() throws {
        let server = try serve(Data("tench\ngoldfish\n".utf8))
        #expect(throws: ModelError.self) { try ClassLabels.imageNet(from: cache(mirror: server.url(""))) }
        #expect(contents == [])
        for (text, isList) in [("a\r\nb\r\n\n", true), ("", false), ("a\0b", false)] {
            try put(Data(text.utf8), directory.file("list.txt"))
            if isList {
                #expect(try ClassLabels(contentsOf: directory.file("list.txt")).names == ["a", "b"])
            } else {
                #expect(throws: ModelError.self) { try ClassLabels(contentsOf: directory.file("list.txt")) }
            }
        }
        #expect(throws: ModelError.self) { try ClassLabels(contentsOf: directory.file("none.txt")) }
    }

    @Test func theLikeliestComeFirst() {
        let top = ClassLabels(names: ["a", "b_c, d", "e"]).top(2, of: [0, 2, 2])
        #expect(top.map(\.index) == [1, 2] && top.map(\.name) == ["b c", "e"])
        #expect(abs(top[0].probability - 0.46831) < 1e-4)
        #expect(ClassLabels(names: []).top(5, of: []).isEmpty)
    }
}
