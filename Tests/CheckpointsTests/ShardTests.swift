import Base
import Checkpoints
import Files
import Fixtures
import Foundation
import Testing

/// Weights in several files, and in directories as Hugging Face's libraries write them.
@Suite("Directories and shards")
struct ShardTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func shard(_ name: String, _ tensors: [(String, Float)]) throws {
        try Safetensors.write(tensors.map { ($0.0, [1], [$0.1]) }, to: directory.file(name))
    }

    private func index(_ map: [String: String], named name: String = "model.safetensors.index.json") throws {
        let object: [String: Any] = ["metadata": ["total_size": 12, "x": [1, 2]], "weight_map": map]
        try JSONSerialization.data(withJSONObject: object).write(
            to: URL(fileURLWithPath: directory.file(name)))
    }

    @Test("a directory's shards are one model, by its path, its index's, with and without a slash")
    func shards() throws {
        try shard("model-00001-of-00002.safetensors", [("a", 1), ("b", 2), ("unlisted", 9)])
        try shard("model-00002-of-00002.safetensors", [("c", 3)])
        try index([
            "a": "model-00001-of-00002.safetensors", "b": "model-00001-of-00002.safetensors",
            "c": "model-00002-of-00002.safetensors",
        ])
        for path in [directory.path, directory.path + "/", directory.file("model.safetensors.index.json")] {
            let file = try Checkpoint.open(path)
            #expect(Set(file.names) == ["a", "b", "c"] && file.format == .sharded)
            #expect(try file.names.sorted().map { try file.floats($0) } == [[1], [2], [3]])
            #expect(file.files.count == 3)
        }
    }

    @Test("shards may be PyTorch's") func pyTorch() throws {
        for (name, golden) in [("pytorch_model-1.bin", "zip.pth"), ("pytorch_model-2.bin", "untyped.pth")] {
            try FileManager.default.copyItem(
                atPath: Fixtures.golden("checkpoints/\(golden)").path, toPath: directory.file(name))
        }
        try index(
            ["f32": "pytorch_model-1.bin", "w": "pytorch_model-2.bin"], named: "pytorch_model.bin.index.json")
        let file = try Checkpoint.open(directory.path)
        #expect(try file.floats("w") == [1, 1] && file["f32"]?.shape == [2, 3, 4])
    }

    @Test("a directory with one file is that file; safetensors come first") func single() throws {
        try FileManager.default.copyItem(
            atPath: Fixtures.golden("checkpoints/zip.pth").path, toPath: directory.file("pytorch_model.bin"))
        #expect(try Checkpoint.open(directory.path).format == .pyTorchZip)
        try shard("model.safetensors", [("a", 1)])
        #expect(try Checkpoint.open(directory.path).names == ["a"])
    }

    @Test(
        "an index that does not fit its files is refused",
        arguments: [
            (["a": "missing.safetensors"], VitvideoError.Kind.noInput, "missing.safetensors"),
            (["b": "one.safetensors"], .badData, "has no tensor 'b'"),
            (["a": "../one.safetensors"], .badData, "no file beside it"),
            (["a": "/etc/passwd"], .badData, "no file beside it"), (["a": ""], .badData, "no file beside it"),
            ([:], .badData, "names no tensors"),
        ] as [([String: String], VitvideoError.Kind, String)])
    func liar(map: [String: String], kind: VitvideoError.Kind, reason: String) throws {
        try shard("one.safetensors", [("a", 1)])
        try index(map)
        expectRefusal(directory.path, kind, reason)
    }

    @Test("a directory without weights says what it holds") func empty() throws {
        expectRefusal(directory.path, .badData, "it is empty")
        try Data("{}".utf8).write(to: URL(fileURLWithPath: directory.file("config.json")))
        expectRefusal(directory.path, .badData, "it holds 'config.json'")
    }
}
