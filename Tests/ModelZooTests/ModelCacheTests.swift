import Base
import Checkpoints
import Downloads
import Files
import Fixtures
import Foundation
import LocalServer
import ModelZoo
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
            source: source, license: .apache2, sha256: sha256, huggingFace: ["timm/tiny.a"])
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
        #expect(cache().find(entry) == nil)
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
        try put(published, directory.file("home/.cache/clip/deit-tiny.pth"))
        #expect(cache().find(entry)?.origin == .openAI)
        try files.removeItem(atPath: directory.file("home/.cache/clip/deit-tiny.pth"))
        try put(published, directory.file("torch/hub/checkpoints/deit-tiny.pth"))
        let torch = ["TORCH_HOME": directory.file("torch")]
        #expect(cache().find(entry)?.origin == .huggingFace)
        #expect(cache(torch).find(entry)?.origin == .torchHub)
        try put(published, cache().downloadedPath(of: entry))
        #expect(cache(torch).find(entry)?.origin == .downloaded)
        try put(published, cache().importedPath(of: entry))
        #expect(cache(torch).find(entry)?.origin == .imported)
        #expect(try cache(torch).load(entry).configuration == entry.configuration)
    }

    /// The authors' file where the address has another, and a repository in shards.
    @Test func otherFilesOfTheSameModel() throws {
        let entry = ModelZoo.Entry(
            name: "tiny", configuration: entry().configuration,
            source: "https://huggingface.co/timm/tiny.a/resolve/main/model.safetensors", license: .dinov3,
            huggingFace: ["timm/tiny.a"], original: ModelZoo.Original(name: "tiny_pretrain-deadbeef.pth"))
        #expect(entry.fileName == "tiny.a.safetensors" && entry.original?.sha256 == "deadbeef")
        let hub = directory.file("home/.cache/huggingface/hub/models--timm--tiny.a/snapshots/aaa")
        let part = "model-00001-of-00001.safetensors"
        let index = #"{"weight_map": {"cls_token": "\#(part)"}}"#
        try put(Data(index.utf8), hub + "/model.safetensors.index.json")
        // Its one file has not come yet.
        #expect(cache().find(entry) == nil)
        try put(published, "\(hub)/\(part)")
        #expect(cache().find(entry)?.path == hub + "/model.safetensors.index.json")
        let original = directory.file("home/.cache/torch/hub/checkpoints/tiny_pretrain-deadbeef.pth")
        try put(published, original)
        #expect(cache().find(entry)?.path == original && cache().find(entry)?.origin == .torchHub)
        let hash = try ContentHash.sha256(of: published)
        #expect(throws: VitvideoError.wrongHash(path: original, expected: "deadbeef", found: hash)) {
            try cache().load(entry)
        }
    }

    private func cache(_ environment: [String: String]) -> ModelCache { cache(mirror: nil, environment) }

    @Test func aForeignFileOfAnotherHashIsRefused() throws {
        try put(published, directory.file("home/.cache/torch/hub/checkpoints/deit-tiny.pth"))
        #expect(try cache().load(entry()).name == "tiny")
        let hash = try ContentHash.sha256(of: published)
        #expect(try cache().verify(entry(sha256: String(hash.prefix(8)))).sha256 == hash)
        let location = try #require(cache().find(entry()))
        let error = VitvideoError.wrongHash(path: location.path, expected: "deadbeef", found: hash)
        #expect(error.kind == .badData && error.description.contains("deadbeef"))
        #expect(throws: error) { try cache().load(entry(sha256: "deadbeef")) }
        #expect(throws: error) { try cache().verify(entry(sha256: "deadbeef")) }
    }

    // MARK: Downloading

    @Test func aDownloadGoesOnAfterABreak() throws {
        let server = try serve(published)
        let entry = entry(server.url("/weights/tiny.pth"), sha256: try ContentHash.sha256(of: published))
        var seen: [Download.Progress] = []
        let location = try cache().download(entry, progress: { seen.append($0) })
        #expect(cache().find(entry) == location)
        #expect(location.path == cache().downloadedPath(of: entry))
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
        let error = #expect(throws: VitvideoError.self) { try cache().download(entry) }
        #expect(error?.kind == .badData && error?.nextStep == .importModel("tiny"))
        #expect(error?.description.contains("\n") == false)
        #expect(contents == [])
    }

    @Test func somethingElseThanTheModelLeavesNothing() throws {
        let other = try Data(contentsOf: Fixtures.golden("families/dino_wrapped.safetensors"))
        let server = try serve(other)
        #expect(throws: VitvideoError.self) { try cache().download(entry(server.url("/tiny.pth"))) }
        #expect(contents == [])
    }

    /// Where no hash is published, a file is still held to what it was when it came.
    @Test func laterDamageIsNoticed() throws {
        let server = try serve(published)
        let entry = entry(server.url("/tiny.pth"))
        let path = try cache().download(entry).path
        #expect(try cache().verify(entry).expected == (try ContentHash.sha256(of: published)))
        var damaged = published
        damaged[damaged.count - 1] ^= 1
        try put(damaged, path)
        #expect(throws: VitvideoError.self) { try cache().load(entry) }
        #expect(throws: VitvideoError.self) { try cache().verify(entry) }
        _ = try cache().download(entry)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == published)
    }

    @Test func aMirrorStandsInForThePublisher() throws {
        let server = try serve(published)
        _ = try cache(mirror: server.url("/mirror")).download(entry())
        #expect(server.requests.map(\.path) == ["/mirror/deit-tiny.pth", "/mirror/deit-tiny.pth"])
        let hub = entry("https://huggingface.co/timm/tiny.a/resolve/main/model.safetensors")
        _ = try cache(mirror: server.url("/mirror")).download(hub)
        #expect(server.requests.last?.path == "/mirror/tiny.a.safetensors")
    }

    @Test func errorsSayWhereToGetTheFile() throws {
        let dino = try ModelZoo.entry(named: "dino")
        #expect(dino.fileName == "dino_vitbase16_pretrain.pth")
        #expect(
            throws: VitvideoError.weightsNotFound(
                model: "dino_vitb16", path: cache().importedPath(of: dino), source: dino.source)
        ) { try cache().load(dino) }
        let unreachable = cache(mirror: "http://127.0.0.1:1")
        let failed = #expect(throws: VitvideoError.self) {
            try unreachable.load(dino, download: { try unreachable.download($0) })
        }
        #expect(failed?.kind == .unavailable && failed?.nextStep == .importModel("dino_vitb16"))
        #expect(contents == [])
    }

    @Test func onlyWhatIsMissingIsDownloaded() throws {
        let server = try serve(published)
        let entry = entry(server.url("/tiny.pth"))
        let cache = cache()
        var asked: [String] = []
        for _ in 0..<2 {
            let model = try cache.load(entry) {
                asked.append($0.name)
                return try cache.download($0)
            }
            #expect(model.name == "tiny")
        }
        #expect(asked == ["tiny"])
    }
}
