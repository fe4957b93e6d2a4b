import Base
import Checkpoints
import Files
import Fixtures
import Foundation
import ModelZoo
import Testing
import ViT

/// Models that are imported under names of their own.
@Suite struct ModelImportTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private var cache: ModelCache {
        ModelCache(directory: directory.file("cache"), environment: ["HOME": directory.file("home")])
    }

    private func copy(_ golden: String, _ name: String) throws -> String {
        try FileManager.default.copyItem(
            atPath: Fixtures.golden(golden).path, toPath: directory.file(name))
        return directory.file(name)
    }

    private var contents: [String] {
        FileSystem.tree(in: directory.file("cache")).filter {
            !FileSystem.isDirectory(directory.file("cache/\($0)")) && !$0.hasSuffix(".lock")
        }
    }

    /// The same model, whether read where it was or out of the cache.
    private func expectSame(_ name: String, _ path: String) throws {
        let model = try cache.load(.imported(name))
        let original = try Model.load(path)
        #expect(model.configuration == original.configuration && model.name == name)
        #expect(model.weightsHash == original.weightsHash)
        #expect(
            cache.stored(named: name) == .imported(name) && cache.importedModels.contains(.imported(name)))
    }

    @Test func aDirectoryInSeveralFiles() throws {
        let source = try copy("dinov3/gated_transformers", "my-dino")
        for name in ["merges.txt", "notes.md"] { try directory.write("x\n".utf8, to: "my-dino/\(name)") }
        let location = try cache.importModel(from: source + "/")
        #expect(location.path == directory.file("cache/imported/my-dino") && location.origin == .imported)
        #expect(
            contents
                == [
                    "config.json", "merges.txt", "model-00001-of-00003.safetensors",
                    "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors",
                    "model.safetensors.index.json",
                ].map { "imported/my-dino/\($0)" })
        try expectSame("my-dino", source)
        let hash = try Model.load(source).weightsHash
        FileSystem.removeTree(source)
        #expect(try cache.verify(.imported("my-dino")).sha256 == hash)
        #expect(cache.find(.imported("my-dino")) == location && cache.find(.imported("other")) == nil)
    }

    @Test(arguments: [
        ("families/hf_dinov2.safetensors", "w.safetensors", "model.safetensors"),
        ("families/dino.pth", "my.teacher.pth", "pytorch_model.bin"),
        ("onnx/registers.batch.onnx", "net.onnx", "model.onnx"),
        ("families/jax.npz", "B_16.npz", "model.npz"),
        (
            "clip/open_clip/open_clip_model.safetensors", "open_clip_model.safetensors",
            "open_clip_model.safetensors"
        ),
    ]) func aFile(golden: String, name: String, kept: String) throws {
        let source = try copy(golden, name)
        if golden.hasPrefix("clip/") {
            _ = try copy("clip/open_clip/open_clip_config.json", "open_clip_config.json")
        }
        try directory.write(#"{"num_attention_heads": 2}"#.utf8, to: "config.json")
        let location = try cache.importModel(from: source)
        #expect(location.path == directory.file("cache/imported/\(name.pathStem)"))
        #expect(
            contents.contains("imported/\(name.pathStem)/\(kept)")
                && contents.contains { $0.hasSuffix("/config.json") })
        try expectSame(name.pathStem, source)
    }

    @Test func anONNXModelWithDataBesideIt() throws {
        let source = try copy("onnx/timm.beside.onnx", "timm.beside.onnx")
        let data = try FileManager.default.contentsOfDirectory(atPath: Fixtures.golden("onnx").path)
            .filter { $0.contains("timm.beside") && $0 != "timm.beside.onnx" }
        #expect(!data.isEmpty)
        for name in data { _ = try copy("onnx/\(name)", name) }
        try directory.write(#"{"num_attention_heads": 2}"#.utf8, to: "config.json")
        _ = try cache.importModel(from: source, name: "beside")
        #expect(contents == (["config.json", "model.onnx"] + data).sorted().map { "imported/beside/\($0)" })
        try expectSame("beside", source)
    }

    /// A file that a publisher has is the zoo's model, whatever it is called.
    @Test func aPublishedFileIsKnownByItsHash() throws {
        let source = try copy("families/deit_distilled.safetensors", "whatever.bin")
        let hash = try ContentHash.sha256(ofFile: source)
        let entry = ModelZoo.Entry(
            name: "tiny",
            configuration: Configuration(
                family: .deit, patchSize: 4, width: 24, depth: 2, heads: 2, hasDistillationToken: true,
                nativeRows: 4, nativeColumns: 4, classes: 5),
            source: "https://example.org/tiny.pth", license: .apache2, sha256: hash)
        let published = { (found: String) in found == entry.sha256 ? entry : nil }
        let location = try cache.importModel(from: source, published: published)
        #expect(location.path == cache.importedPath(of: entry) && location.origin == .imported)
        #expect(contents == ["tiny.safetensors"])
        // Who wants another name has it.
        try directory.write(#"{"num_heads": 2}"#.utf8, to: "config.json")
        #expect(
            try cache.importModel(from: source, name: "mine", published: published).path
                == directory.file("cache/imported/mine"))
    }

    /// Where a weights file leaves something open it is said when it is used.
    @Test func whatIsLeftOpenIsToldAtUse() throws {
        let source = try copy("families/deit.pth", "deit.pth")
        var notices: [ModelNotice] = []
        _ = try cache.importModel(from: source, onNotice: { notices.append($0) })
        #expect(notices.map(\.nextStep) == [.tellModel([.heads])])
        let error = #expect(throws: VitvideoError.self) { try cache.load(.imported("deit")) }
        #expect(error?.nextStep == .tellModel([.heads]))
        #expect(try cache.load(.imported("deit"), told: ModelFacts(heads: 2)).configuration.heads == 2)
    }

    @Test func whatIsNoModelIsRefused() throws {
        try directory.write("text".utf8, to: "notes.bin")
        try Safetensors.write([("layer1.0.conv1.weight", [1], [0])], to: directory.file("resnet.safetensors"))
        try FileSystem.makeDirectories(directory.file("empty"))
        for name in ["notes.bin", "resnet.safetensors", "empty", "absent"] {
            let error = #expect(throws: VitvideoError.self) {
                try cache.importModel(from: directory.file(name))
            }
            #expect([.badData, .noInput].contains(error?.kind))
        }
        #expect(contents == [] && cache.importedModels == [])
    }

    @Test(arguments: [
        ("dino_vitb16", VitvideoError.Kind.usage), ("dino", .usage), ("my model", .usage), ("", .usage),
        (".hidden", .usage), ("-x", .usage), ("a/b", .usage), ("taken", .cannotCreate),
    ]) func namesThatCannotBeGiven(name: String, kind: VitvideoError.Kind) throws {
        let source = try copy("dinov3/mlp_transformers", "source")
        _ = try cache.importModel(from: source, name: "taken")
        let before = contents
        let error = #expect(throws: VitvideoError.self) { try cache.importModel(from: source, name: name) }
        #expect(error?.kind == kind)
        #expect(
            error?.nextStep
                == (["dino_vitb16", "dino"].contains(name) ? .importAsKnown(name) : .chooseImportName))
        #expect(contents == before)
    }
}
