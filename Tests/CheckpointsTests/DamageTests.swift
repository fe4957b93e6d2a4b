import Base
import Checkpoints
import Fixtures
import Foundation
import Testing

/// Files that are cut, overwritten, or no weights at all.
@Suite("Damaged and foreign files")
struct DamageTests {
    static let goldens = [
        "types.safetensors", "zip.pth", "legacy.pth", "protocol4.pth", "training.pth", "training_legacy.pth",
        "stored.npz", "deflated.npz", "tiny.onnx", "typed.onnx",
    ]

    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Opens and reads everything; errors are fine as long as they are ours and one line.
    private func readAll(_ path: String, _ remark: String) {
        do {
            let checkpoint = try Checkpoint.open(path)
            for name in checkpoint.names {
                guard let description = checkpoint[name], description.elementType.isFloatingPoint else {
                    continue
                }
                let values = try checkpoint.floats(name)
                #expect(values.count == description.elementCount, "\(remark)")
            }
        } catch let error as VitvideoError {
            #expect(!error.description.contains("\n"), "\(remark)")
        } catch {
            Issue.record("\(remark): \(error)")
        }
    }

    @Test("cut anywhere, a file is an error and never a crash", arguments: goldens)
    func truncation(name: String) throws {
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: golden(name))))
        for length in stride(from: 0, to: whole.count, by: max(whole.count / 500, 1)) {
            let path = try directory.write(whole[..<length], to: "cut")
            #expect(throws: VitvideoError.self, "\(name) cut to \(length) bytes") {
                let checkpoint = try Checkpoint.open(path)
                for name in checkpoint.names where checkpoint[name]?.elementType.isFloatingPoint == true {
                    _ = try checkpoint.floats(name)
                }
            }
        }
    }

    @Test("with bytes overwritten, a file is read or refused and never a crash", arguments: goldens)
    func mutation(name: String) throws {
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: golden(name))))
        var random = SplitMix64(seed: 7)
        for round in 0..<500 {
            var bytes = whole
            for _ in 0...random.next() % 4 {
                let interesting: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, UInt8(truncatingIfNeeded: random.next())]
                bytes[Int(random.next() % UInt64(bytes.count))] = interesting[Int(random.next() % 6)]
            }
            readAll(try directory.write(bytes, to: "changed"), "\(name), round \(round)")
        }
    }

    @Test("no file, a directory, a pipe and an empty file")
    func noInput() throws {
        let fifo = directory.file("fifo")
        #expect(mkfifo(fifo, 0o600) == 0)
        expectRefusal(directory.file("absent.pth"), .noInput, "No such file or directory (errno 2)")
        expectRefusal(directory.path, .badData, "it is a directory without model.safetensors")
        expectRefusal(fifo, .noInput, "not a regular file")
        expectRefusal(try directory.write([], to: "empty.pth"), .badData, "the file is empty")
    }

    @Test(
        "what people have in place of weights is named",
        arguments: [
            ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
            ("<!DOCTYPE html><html>404</html>", "a web page"), ("\u{89}HDF\r\n\u{1a}\n        ", "HDF5"),
            ("\u{93}NUMPY\u{1}\u{0}v\u{0}{'descr'", "single NumPy array"), ("hello", "neither safetensors"),
        ])
    func foreign(text: String, reason: String) throws {
        let path = try directory.write(text.unicodeScalars.map { UInt8($0.value) }, to: "x.pth")
        expectRefusal(path, .badData, reason)
    }

    @Test("the format is told by the content, not by the name")
    func misnamed() throws {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: golden("types.safetensors")))
        let checkpoint = try Checkpoint.open(directory.write(bytes, to: "weights.pth"))
        #expect(checkpoint.format == .safetensors)
        #expect(checkpoint.metadata == ["format": "pt", "note": "é\n"])
        try ExpectedTensors.check(checkpoint)
    }
}
