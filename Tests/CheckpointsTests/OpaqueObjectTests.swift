import Base
import Checkpoints
import Fixtures
import Foundation
import Testing

/// Pickles that hold more than tensors: whatever class is named, the tensors are read, and nothing is run.
@Suite("Objects in pickles")
struct OpaqueObjectTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let script = Fixtures.packageRoot.appendingPathComponent("Tests/Fixtures/make_pickles.py").path
        process.arguments = ["python3", script, directory.path]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    @Test("objects of any class are passed over, in every protocol", arguments: 1...5)
    func objects(protocol version: Int) throws {
        let file = try Checkpoint.open(directory.file("objects-\(version).pth"))
        #expect(file.names == ["model.w"])
        #expect(try file.floats("model.w") == [1, 2, 3])
        let here = FileManager.default.currentDirectoryPath
        #expect(!FileManager.default.fileExists(atPath: here + "/executed"))
    }

    @Test("the text of protocol 0 is read") func text() throws {
        expectRefusal(directory.file("text.pth"), .badData, "holds no tensors; its keys are 'classes'")
    }

    @Test("a module saved whole has the names of its state_dict()") func module() throws {
        let file = try Checkpoint.open(directory.file("module.pth"))
        #expect(
            Set(file.names) == [
                "net.blocks.cls_token", "net.blocks.0.weight", "net.blocks.1.weight",
            ])
        #expect(try file.floats("net.blocks.1.weight") == [1, 2])
    }

    @Test("tensors are found in lists, in objects and more than once") func lists() throws {
        let file = try Checkpoint.open(directory.file("lists.pth"))
        let values = try file.names.map { ($0, try file.floats($0)) }
        #expect(
            Dictionary(values) { first, _ in first } == [
                "1.0.w": [6], "1.1.b.c.0.w": [7], "2.state_dict.w": [4, 5], "3.w": [8], "4.again.w": [6],
            ])
    }

    @Test("a tensor of a subclass is a tensor") func subclass() throws {
        #expect(try Checkpoint.open(directory.file("subclass.pth")).floats("w") == [9, 10])
    }
}
