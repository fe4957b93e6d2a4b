import Base
import Checkpoints
import Downloads
import Files
import Fixtures
import Foundation
import LocalServer
import Testing
import ViT

@testable import ModelZoo

/// Models of the Hugging Face hub: how they are named, fetched, and found.
@Suite struct HubTests {
    private let directory: TemporaryDirectory
    private let rack = TestServer.Rack()

    /// As `save_pretrained` of transformers writes it, in three files and an index.
    private static let sharded = "dinov3/gated_transformers"
    private static let index = "model.safetensors.index.json"
    private static let parts = (1...3).map { "model-0000\($0)-of-00003.safetensors" }

    init() throws { directory = try TemporaryDirectory() }

    private func cache(_ hub: TestServer? = nil, _ environment: [String: String] = [:]) -> ModelCache {
        let standard = ["HOME": directory.file("home"), "HF_ENDPOINT": hub?.url("") ?? "http://127.0.0.1:1"]
        return ModelCache(
            directory: directory.file("cache"), environment: standard.merging(environment) { $1 })
    }

    private func reference(_ text: String = "hf:own/er") throws -> HubReference {
        try #require(HubReference(text))
    }

    private func files(_ golden: String) throws -> [String: [UInt8]] {
        let folder = Fixtures.golden(golden)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).reduce(into: [:]) {
            $0[$1] = [UInt8](try Data(contentsOf: folder.appendingPathComponent($1)))
        }
    }

    /// A repository of these files, the weights among them large ones.
    private func repository(_ files: [String: [UInt8]]) throws -> ServedRepository {
        let large = files.filter { !$0.key.hasSuffix(".json") && !$0.key.hasSuffix(".txt") }
        return ServedRepository(
            "own/er", files: files, hashes: try large.mapValues { try ContentHash.sha256(of: $0) })
    }

    private func serve(_ repository: ServedRepository) throws -> TestServer {
        try rack.serve { request, _ in repository.response(to: request) }
    }

    /// Paths of the cache's files.
    private var contents: [String] {
        FileSystem.tree(in: directory.file("cache")).filter {
            !FileSystem.isDirectory(directory.file("cache/\($0)"))
        }
    }

    // MARK: Names

    @Test(arguments: [
        ("hf:facebook/dinov2-small", "facebook/dinov2-small", nil, "dinov2-small"),
        (
            "hf:timm/vit_small_patch16_224.dino", "timm/vit_small_patch16_224.dino", nil,
            "vit_small_patch16_224.dino"
        ),
        ("hf:a/b/model.safetensors", "a/b", "model.safetensors", "b-model"),
        ("hf:a/b/onnx/model.onnx", "a/b", "onnx/model.onnx", "b-model"),
    ]) func references(text: String, repository: String, file: String?, short: String) throws {
        let reference = try reference(text)
        #expect(reference.repository == repository && reference.file == file && reference.description == text)
        #expect(StoredModel.hub(reference).shortName == short)
    }

    @Test(arguments: [
        "facebook/dinov2-small", "hf:", "hf:a", "hf:/b", "hf:a/", "hf:../b", "hf:a/..", "hf:a/b/",
        "hf:a/b/../c",
        "hf:a/b//c", "hf:a/b/.part", "hf:a b/c", "hf:a/b?x", "hf:a/b#x", "hf:a/é", "HF:a/b", "hf:a/b--c",
        "hf:-a/b",
    ]) func noReferences(text: String) { #expect(HubReference(text) == nil) }

    // MARK: The hub

    @Test(arguments: [
        ([:], nil), (["HF_TOKEN": "hf_a", "HUGGING_FACE_HUB_TOKEN": "hf_b"], "hf_a"),
        (["HUGGING_FACE_HUB_TOKEN": " hf_b\n"], "hf_b"), (["HF_TOKEN": "", "HF_HOME": "HOME/h"], "hf_file"),
        (["HF_TOKEN_PATH": "HOME/h/token"], "hf_file"), (["XDG_CACHE_HOME": "HOME/x"], "hf_cached"),
        // What would be a header of its own is no token.
        (["HF_TOKEN": "hf_a\r\nX-Evil: 1"], nil),
    ]) func theTokenIsWhereTheHubsLibraryHasIt(environment: [String: String], token: String?) throws {
        for (path, text) in [("home/h/token", "hf_file\n"), ("home/x/huggingface/token", "hf_cached")] {
            try FileSystem.makeDirectories(directory.file(path.parentPath))
            try directory.write(text.utf8, to: path)
        }
        let values = environment.mapValues { $0.replacing("HOME", with: directory.file("home")) }
        #expect(cache(nil, values).hub.token == token)
    }

    @Test func theEndpointIsAsTheHubsLibraryHasIt() throws {
        let reference = try reference("hf:own/er")
        let plain = ModelCache(directory: "/c", environment: ["HOME": "/h"])
        #expect(plain.hub.page(of: reference) == "https://huggingface.co/own/er")
        let other = ModelCache(
            directory: "/c", environment: ["HOME": "/h", "HF_ENDPOINT": "https://hub.example/"])
        #expect(other.hub.page(of: reference) == "https://hub.example/own/er")
    }

    // MARK: Fetching

    @Test func aRepositoryInSeveralFiles() throws {
        var files = try files(Self.sharded)
        files["merges.txt"] = Array("#version\n".utf8)
        var repository = try repository(files)
        let (golden, served) = (files, repository)
        let store = try rack.serve { request, _ in served.storeResponse(to: request) }
        repository.store = store.url("")
        let hub = try serve(repository)
        let cache = cache(hub, ["HF_TOKEN": "hf_secret"])
        #expect(cache.find(.hub(try reference())) == nil)
        var seen: [String] = []
        let location = try cache.download(try reference(), progress: { file, _ in seen.append(file) })
        #expect(location.path == directory.file("cache/hf/own/er"))
        #expect(contents == golden.keys.sorted().map { "hf/own/er/\($0)" })
        for (name, bytes) in golden {
            #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(location.path)/\(name)"))) == bytes)
        }
        #expect(Set(seen) == Set(golden.keys))
        // The tokenizer and the configuration come first, what is large from the other server and without the
        // token.
        #expect(store.requests.map(\.path) == Self.parts.map { "/" + $0 })
        #expect(hub.requests.allSatisfy { $0.headers["authorization"] == "Bearer hf_secret" })
        #expect(store.requests.allSatisfy { $0.headers["authorization"] == nil })
        #expect(cache.find(.hub(try reference())) == location)
        #expect(cache.pulledModels == [.hub(try reference())])

        // It is that model, told by the configuration, and it takes no network.
        let model = try self.cache().load(.hub(try reference()))
        let original = try Model.load(Fixtures.golden(Self.sharded).path)
        #expect(model.weightsHash == original.weightsHash && model.configuration == original.configuration)
        #expect(model.name == "er" && model.configuration.family == .dinov3)
        #expect(try self.cache().verify(.hub(try reference())).sha256 == original.weightsHash)
    }

    /// The directory has weights once all is there.
    @Test func aBrokenDownloadGoesOn() throws {
        let repository = try repository(try files(Self.sharded))
        let half = (repository.files[Self.parts[1]]?.count ?? 0) / 2
        let hub = try rack.serve { request, _ in
            let isSecond = request.path.hasSuffix(Self.parts[1])
            guard isSecond, request.rangeStart == nil else { return repository.response(to: request) }
            return repository.response(to: request, limit: half) + [.stall]
        }
        var isStopped = false
        let error = #expect(throws: VitvideoError.self) {
            try cache(hub).download(
                try reference(),
                progress: { file, progress in
                    isStopped = isStopped || (file == Self.parts[1] && progress.received == half)
                }, isCancelled: { isStopped })
        }
        #expect(error?.kind == .interrupted)
        #expect(cache(hub).find(.hub(try reference())) == nil)
        #expect(cache(hub).pulledModels.allSatisfy { $0.name != "hf:own/er" })
        #expect(
            contents.contains("hf/own/er/\(Self.parts[1]).part")
                && !contents.contains("hf/own/er/\(Self.index)"))
        let before = hub.requests.count
        let location = try cache(hub).download(try reference())
        #expect(cache(hub).find(.hub(try reference())) == location)
        #expect(contents == repository.files.keys.sorted().map { "hf/own/er/\($0)" })
        let later = hub.requests.dropFirst(before)
        #expect(later.first { $0.path.hasSuffix(Self.parts[1]) }?.rangeStart == half)
        // What was whole is not asked for again.
        #expect(!later.contains { $0.path.hasSuffix(Self.parts[0]) || $0.path.hasSuffix("/config.json") })
    }

    /// The first there is of the names that weights are published under.
    @Test(arguments: [
        ("families/deit.pth", "pytorch_model.bin", 5),
        ("clip/open_clip/open_clip_model.safetensors", "open_clip_model.safetensors", 5),
    ]) func otherNamesOfWeights(golden: String, name: String, count: Int) throws {
        let bytes = [UInt8](try Data(contentsOf: Fixtures.golden(golden)))
        let hub = try serve(try repository([name: bytes]))
        let location = try cache(hub).download(try reference())
        #expect(contents == ["hf/own/er/\(name)"])
        let asked = hub.requests.suffix(count).map(\.path.lastPathPart)
        let tried = WeightsDirectory.publishedNames.prefix { $0 != name } + [name]
        #expect(hub.requests.suffix(tried.count).map(\.path.lastPathPart) == Array(tried), "\(asked)")
        #expect(try Checkpoint.open(location.path).path == "\(location.path)/\(name)")
    }

    /// As Python's `quote`, by which Hugging Face's own library makes addresses.
    @Test(arguments: [
        ("a/b-c_d.e~f", "a/b-c_d.e~f"), ("dino v1.pth", "dino%20v1.pth"), ("é", "%C3%A9"),
        ("?#%&+:@\n", "%3F%23%25%26%2B%3A%40%0A"),
    ]) func pathsInAddresses(path: String, escaped: String) {
        #expect(HuggingFaceHub.escaped(path) == escaped)
    }

    @Test func oneFileOfARepository() throws {
        let bytes = [UInt8](try Data(contentsOf: Fixtures.golden("families/dino.pth")))
        let hub = try serve(
            try repository([
                "sub/dino v1.pth": bytes, "sub/config.json": Array("{}".utf8), "config.json": [0],
            ]))
        // As the address has it.
        let served = ServedRepository(
            "own/er",
            files: ["sub/dino%20v1.pth": bytes, "sub/config.json": Array("{}".utf8), "config.json": [0]])
        let encoded = try serve(served)
        let text = "hf:own/er/sub/dino v1.pth"
        let absent = #expect(throws: VitvideoError.self) { try cache(hub).download(try reference(text)) }
        #expect(absent?.reason == "the repository has no such file (HTTP status 404)")
        #expect(contents == [])
        let location = try cache(encoded).download(try reference(text))
        #expect(location.path == directory.file("cache/hf/own/er/sub/dino v1.pth"))
        #expect(contents == ["hf/own/er/sub/config.json", "hf/own/er/sub/dino v1.pth"])
        #expect(cache(encoded).find(.hub(try reference(text))) == location)
        #expect(cache(encoded).find(.hub(try reference())) == nil)
        #expect(cache(encoded).pulledModels == [.hub(try reference(text))])
        #expect(cache(encoded).size(of: .hub(try reference(text))) == bytes.count)
    }

    @Test func anIndexOfARepository() throws {
        let hub = try serve(try repository(try files(Self.sharded)))
        let text = "hf:own/er/\(Self.index)"
        let location = try cache(hub).download(try reference(text))
        #expect(contents.contains("hf/own/er/\(Self.parts[2])") && location.path.lastPathPart == Self.index)
        #expect(try Checkpoint.open(location.path).format == .sharded)
    }

    // MARK: Refusals

    @Test func aRepositoryWithoutWeights() throws {
        let hub = try serve(try repository(["config.json": Array("{}".utf8), "flax_model.msgpack": [1]]))
        let error = #expect(throws: VitvideoError.self) { try cache(hub).download(try reference()) }
        #expect(error?.kind == .unavailable && error?.nextStep == .nameHubFile("hf:own/er"))
        #expect(error?.reason.contains("none of model.safetensors, ") == true)
        #expect(contents == [] && !FileSystem.exists(directory.file("cache/hf/own")))
    }

    @Test(arguments: [
        (nil, "the repository is gated (HTTP status 401)"),
        ("hf_other", "the repository is gated, and not open to your account (HTTP status 403)"),
    ]) func aGatedRepository(token: String?, reason: String) throws {
        var repository = try repository(try files(Self.sharded))
        repository.token = "hf_secret"
        let hub = try serve(repository)
        let error = #expect(throws: VitvideoError.self) {
            try cache(hub, ["HF_TOKEN": token ?? ""]).download(try reference())
        }
        #expect(error?.reason == reason && error?.kind == .unavailable)
        #expect(error?.nextStep == .acceptTerms(hub.url("/own/er"), hasToken: token != nil))
        #expect(hub.requests.count == 1 && contents == [])
        _ = try cache(hub, ["HF_TOKEN": "hf_secret"]).download(try reference())
        #expect(cache().find(.hub(try reference())) != nil)
    }

    @Test func noSuchRepository() throws {
        let hub = try serve(try repository([:]))
        let error = #expect(throws: VitvideoError.self) {
            try cache(hub).download(try reference("hf:own/other"))
        }
        #expect(error?.reason.contains("no such repository") == true && error?.nextStep == .nameHubToken)
        #expect(contents == [])
    }

    @Test func aWrongHashLeavesNoWeights() throws {
        var repository = try repository(try files(Self.sharded))
        repository.hashes[Self.parts[1]] = String(repeating: "0", count: 64)
        let hub = try serve(repository)
        let error = #expect(throws: VitvideoError.self) { try cache(hub).download(try reference()) }
        #expect(error?.kind == .badData && error?.path?.hasSuffix(Self.parts[1]) == true)
        #expect(!contents.contains { $0.hasSuffix(Self.parts[1]) || $0.hasSuffix("/\(Self.index)") })
        #expect(cache(hub).find(.hub(try reference())) == nil)
    }

    /// An index is somebody's text: it writes nowhere but beside itself.
    @Test(arguments: ["../evil.safetensors", "/tmp/evil.safetensors", ".evil"])
    func anIndexThatLeadsElsewhere(name: String) throws {
        let index = Array(#"{"weight_map": {"a": "\#(name)"}}"#.utf8)
        let hub = try serve(try repository([Self.index: index]))
        let error = #expect(throws: VitvideoError.self) { try cache(hub).download(try reference()) }
        #expect(error?.kind == .badData && error?.reason.contains("no file beside it") == true)
        #expect(contents == [])
    }

    @Test func withoutANetworkItSaysHowToGetIt() throws {
        let error = #expect(throws: VitvideoError.self) { try cache().load(.hub(try reference())) }
        #expect(error == .notPulled("hf:own/er") && error?.nextStep == .pullRepository("hf:own/er"))
        #expect(throws: VitvideoError.notPulled("hf:own/er")) { try cache().verify(.hub(try reference())) }
        var asked: [String] = []
        let hub = try serve(try repository(try files(Self.sharded)))
        for _ in 0..<2 {
            _ = try cache(hub).load(.hub(try reference())) {
                asked.append($0.description)
                return try cache(hub).download($0)
            }
        }
        #expect(asked == ["hf:own/er"])
    }

    // MARK: Where the hub's library has it

    @Test func theHubsOwnCacheIsUsed() throws {
        let snapshot = directory.file("home/.cache/huggingface/hub/models--own--er/snapshots/abc")
        try FileSystem.makeDirectories(snapshot)
        for (name, bytes) in try files(Self.sharded) {
            try Data(bytes).write(to: URL(fileURLWithPath: "\(snapshot)/\(name)"))
        }
        let model = StoredModel.hub(try reference())
        #expect(cache().find(model)?.path == snapshot && cache().find(model)?.origin == .huggingFace)
        #expect(try cache().load(model).configuration.family == .dinov3)
        let file = StoredModel.hub(try reference("hf:own/er/\(Self.parts[0])"))
        #expect(cache().find(file)?.path == "\(snapshot)/\(Self.parts[0])")
        #expect(cache().pulledModels == [])
        // An interrupted download of it is no model.
        FileSystem.unlink("\(snapshot)/\(Self.parts[2])")
        #expect(cache().find(model) == nil)
    }

    /// OpenCLIP keeps OpenAI's weights in timm's repository, whose configuration names GELU.
    @Test(arguments: ["open_clip", "timm"]) func openAIsWeightsInTimmsRepository(source: String) throws {
        let entry = try ModelZoo.entry(named: "clip_vitb32")
        #expect(entry.openCLIP == "timm/vit_base_patch32_clip_224.openai")
        let told = ModelFacts(heads: 2, activation: .quickGELU)
        let whole = try Model.load(Fixtures.golden("clip/openai.pt").path, told: told)
        let tiny = ModelZoo.Entry(
            name: "tiny", configuration: whole.configuration, source: entry.source, license: .mit,
            openCLIP: entry.openCLIP)
        let snapshot = directory.file(
            "home/.cache/huggingface/hub/models--timm--vit_base_patch32_clip_224.openai/snapshots/abc")
        try FileSystem.makeDirectories(snapshot)
        for (name, bytes) in try files("clip/\(source)") {
            try Data(bytes).write(to: URL(fileURLWithPath: "\(snapshot)/\(name)"))
        }
        try Data(#"{"architecture": "vit_base_patch32_clip_224", "num_features": 24}"#.utf8)
            .write(to: URL(fileURLWithPath: snapshot + "/config.json"))
        #expect(try Model.load(snapshot, told: ModelFacts(heads: 2)).configuration.activation == .gelu)
        #expect(cache().find(tiny)?.origin == .openCLIP)
        #expect(try cache().load(tiny).configuration.activation == .quickGELU)
    }
}
