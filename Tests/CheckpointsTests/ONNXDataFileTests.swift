import Base
import Checkpoints
import Fixtures
import Foundation
import Testing

/// Values of ONNX models in files beside them.
@Suite("ONNX data beside the model") struct ONNXDataFileTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// A model with one initializer of two numbers that lie elsewhere.
    private func model(_ entries: [(String, String)]) throws -> String {
        typealias ONNX = ONNXTests
        let external = entries.flatMap { key, value in
            ONNX.field(13, ONNX.field(1, Array(key.utf8)) + ONNX.field(2, Array(value.utf8)))
        }
        let tensor =
            ONNX.field(1, 2) + ONNX.field(2, 1) + ONNX.field(8, [0x77]) + external + ONNX.field(14, 1)
        return try directory.write(
            ONNX.field(1, 7) + ONNX.field(7, ONNX.field(5, tensor)) + ONNX.field(8, [0x10, 14]),
            to: "folder/x.onnx")
    }

    private func prepare() throws {
        try FileManager.default.createDirectory(
            atPath: directory.file("folder/sub"), withIntermediateDirectories: true)
        let bytes = ([9, 1, 2] as [Float]).flatMap { ZipBuilder.bytes($0.bitPattern) }
        for name in ["outside", "folder/data", "folder/sub/data"] { _ = try directory.write(bytes, to: name) }
    }

    @Test(
        arguments: [
            ([("location", "data"), ("offset", "4"), ("length", "8")], [1, 2]),
            ([("location", "./data"), ("offset", "4")], [1, 2]),
            ([("location", "sub/data"), ("checksum", "x")], [9, 1]),
        ] as [([(String, String)], [Float])])
    func places(entries: [(String, String)], values: [Float]) throws {
        try prepare()
        let checkpoint = try Checkpoint.open(model(entries))
        #expect(try checkpoint.floats("w") == values)
        #expect(checkpoint.files.count == 2)
    }

    @Test(
        arguments: [
            ([("location", "../outside")], "no file in its folder"),
            ([("location", "sub/../../outside")], "no file in its folder"),
            ([("location", "/etc/passwd")], "no file in its folder"),
            ([("location", "sub//data")], "no file in its folder"),
            ([("location", "data\u{0}x")], "no file in its folder"),
            ([], "no file in its folder"),
            ([("location", "sub")], "cannot be read beside it"),
            ([("location", "missing")], "cannot be read beside it"),
            ([("location", "data"), ("offset", "8")], "beyond the end"),
            ([("location", "data"), ("offset", "9223372036854775807")], "beyond the end"),
            ([("location", "data"), ("offset", "-4")], "the offset '-4'"),
            ([("location", "data"), ("offset", "99999999999999999999")], "the offset"),
            ([("location", "data"), ("length", "4")], "4 bytes in another file, not 8"),
            ([("location", "data"), ("length", "x")], "the length 'x'"),
        ] as [([(String, String)], String)])
    func refusals(entries: [(String, String)], reason: String) throws {
        try prepare()
        expectRefusal(try model(entries), .badData, reason)
    }

    @Test func cutShort() throws {
        for name in ["timm.beside.onnx", "timm.beside.onnx.data"] {
            let bytes = try Data(contentsOf: Fixtures.golden("onnx/\(name)"))
            _ = try directory.write([UInt8](name.hasSuffix("data") ? bytes.dropLast(64) : bytes), to: name)
        }
        expectRefusal(directory.file("timm.beside.onnx"), .badData, "beyond the end")
    }
}
