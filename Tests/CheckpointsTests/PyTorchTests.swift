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
        #expect(checkpoint.key == nil)
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
        "DINO's training checkpoints: the teacher by default, others by key, options and optimizer passed over",
        arguments: ["training.pth", "training_legacy.pth"])
    func training(name: String) throws {
        let teacher = try Checkpoint.open(golden(name))
        #expect(teacher.key == "teacher")
        #expect(teacher.names == ["backbone.weight", "backbone.bias"])
        #expect(teacher["backbone.weight"]?.shape == [2, 3])
        #expect(try teacher.floats("backbone.weight") == [Float](repeating: 2, count: 6))
        let student = try Checkpoint.open(golden(name), key: "student")
        #expect(student.key == "student")
        #expect(try student.floats("module.backbone.bias") == [1, 1])
        let loss = try Checkpoint.open(golden(name), key: "dino_loss")
        #expect(try loss.floats("center") == [0, 0, 0, 0])
        let optimizer = try Checkpoint.open(golden(name), key: "optimizer")
        #expect(optimizer.names.contains("state.0.exp_avg"))
        expectRefusal(golden(name), .badData, "its keys are 'student', 'teacher'", key: "ema")
        expectRefusal(golden(name), .badData, "no dictionary 'epoch'", key: "epoch")
        expectRefusal(golden(name), .badData, "holds no tensors", key: "fp16_scaler")
    }

    @Test("a file without tensors says what it holds")
    func noTensors() {
        expectRefusal(
            golden("no_tensors.pth"), .badData, "holds no tensors; its keys are 'epoch', 'args'")
    }

    @Test(
        "a pickle that calls os.system is refused by name, and nothing runs",
        arguments: ["malicious.pth", "malicious_legacy.pth"])
    func malicious(name: String) throws {
        let directory = FileManager.default.currentDirectoryPath
        expectRefusal(golden(name), .badData, "asks for 'posix.system'")
        #expect(!FileManager.default.fileExists(atPath: directory + "/executed"))
    }

    @Test("TorchScript, plain pickles and keys where there are none are refused with the reason")
    func others() {
        expectRefusal(golden("torchscript.pt"), .badData, "TorchScript")
        expectRefusal(golden("plain.pkl"), .badData, "torch.save did not write")
        expectRefusal(golden("types.safetensors"), .badData, "no 'teacher' to choose", key: "teacher")
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
