import Checkpoints
import Fixtures
import Foundation
import Testing

@Suite("PyTorch files")
struct PyTorchTests {
    @Test(
        "every type and layout that torch.save writes, to the bit",
        arguments: [
            ("zip.pth", Checkpoint.Format.pyTorchZip), ("protocol4.pth", .pyTorchZip),
            ("legacy.pth", .pyTorchLegacy),
        ])
    func types(name: String, format: Checkpoint.Format) throws {
        let checkpoint = try Checkpoint.open(golden(name))
        #expect(checkpoint.format == format)
        #expect(checkpoint.names.first == "f32", "the file's order is kept")
        try ExpectedTensors.check(checkpoint)
    }

    @Test("a tensor rebuilt from untyped bytes")
    func untyped() throws {
        let checkpoint = try Checkpoint.open(golden("untyped.pth"))
        #expect(checkpoint["u16"]?.elementType == .uint16)
        #expect(try checkpoint.floats("w") == [1, 1])
    }

    @Test(
        "DINO's training checkpoints: every tensor under the keys that lead to it, options passed over",
        arguments: ["training.pth", "training_legacy.pth"])
    func training(name: String) throws {
        let file = try Checkpoint.open(golden(name))
        #expect(file["teacher.backbone.weight"]?.shape == [2, 3])
        #expect(try file.floats("teacher.backbone.weight") == [Float](repeating: 2, count: 6))
        #expect(try file.floats("student.module.backbone.bias") == [1, 1])
        #expect(try file.floats("dino_loss.center") == [0, 0, 0, 0])
        #expect(file.names.contains("optimizer.state.0.exp_avg"))
        #expect(file.names.filter { $0.hasPrefix("args") } == [])
    }

    @Test("a file without tensors says what it holds")
    func noTensors() {
        expectRefusal(
            golden("no_tensors.pth"), .badData, "holds no tensors; its keys are 'epoch', 'args'")
    }

    @Test(
        "what calls os.system is passed over, and nothing runs",
        arguments: [("malicious.pth", ["model.w"]), ("malicious_legacy.pth", [])])
    func malicious(name: String, tensors: [String]) throws {
        let directory = FileManager.default.currentDirectoryPath
        if tensors.isEmpty {
            expectRefusal(golden(name), .badData, "holds no tensors; its keys are 'w'")
        } else {
            #expect(try Checkpoint.open(golden(name)).names == tensors)
        }
        #expect(!FileManager.default.fileExists(atPath: directory + "/executed"))
    }

    @Test("TorchScript without weights and plain pickles are refused with the reason")
    func others() {
        expectRefusal(golden("torchscript.pt"), .badData, "TorchScript")
        expectRefusal(golden("plain.pkl"), .badData, "torch.save did not write")
    }

    @Test("several threads may read one checkpoint")
    func threads() async throws {
        let checkpoint = try Checkpoint.open(golden("zip.pth"))
        try await withThrowingTaskGroup(of: [Float].self) { group in
            for _ in 0..<50 { group.addTask { try checkpoint.floats("permuted") } }
            for try await values in group { #expect(values == ExpectedTensors.floats[2].values) }
        }
    }
}
