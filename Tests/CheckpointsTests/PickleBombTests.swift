import Base
import Checkpoints
import Fixtures
import Foundation
import Testing

/// Pickles made byte by byte to do harm.
@Suite("Hostile pickles")
struct PickleBombTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let prologue: [UInt8] = [0x80, 2]

    /// A zip checkpoint of this pickle and one storage '0'.
    private func file(_ pickle: [UInt8], storage: [UInt8] = [UInt8](repeating: 0, count: 16)) throws -> String
    {
        var zip = ZipBuilder()
        zip.add("archive/data.pkl", pickle)
        zip.add("archive/data/0", storage)
        return try directory.write(zip.archive(), to: "x.pth")
    }

    private static func string(_ text: String) -> [UInt8] {
        [0x58] + ZipBuilder.bytes(UInt32(text.utf8.count)) + Array(text.utf8)
    }

    private static func integer(_ value: Int64) -> [UInt8] { [0x8a, 8] + ZipBuilder.bytes(value) }

    private static func global(_ module: String, _ name: String) -> [UInt8] {
        Array("c\(module)\n\(name)\n".utf8)
    }

    /// {"w": tensor} over storage '0'.
    private static func tensor(
        type: String = "FloatStorage", count: Int64 = 4, offset: Int64 = 0, shape: [Int64], strides: [Int64],
        key: String = "0"
    ) -> [UInt8] {
        let identifier =
            [0x28] + string("storage") + global("torch", type) + string(key) + string("cpu") + integer(count)
            + [0x74, 0x51]
        func tuple(_ values: [Int64]) -> [UInt8] { [0x28] + values.flatMap(integer) + [0x74] }
        return prologue + [0x7d] + string("w") + global("torch._utils", "_rebuild_tensor_v2") + [0x28]
            + identifier
            + integer(offset) + tuple(shape) + tuple(strides) + [0x89, 0x7d, 0x74, 0x52, 0x73, 0x2e]
    }

    @Test("the hand-made checkpoint is good as long as it does not lie")
    func honest() throws {
        let values = ([1, 2, 3, 4] as [Float]).flatMap { ZipBuilder.bytes($0.bitPattern) }
        let path = try file(Self.tensor(shape: [2, 2], strides: [1, 2]), storage: values)
        #expect(try Checkpoint.open(path).floats("w") == [1, 3, 2, 4])
    }

    @Test(
        "sizes, strides and offsets that reach out of the storage, overflow or run backwards are refused",
        arguments: [
            ([5], [1], 0, "beyond its storage"), ([4], [1], 1, "beyond its storage"),
            ([2, 2], [3, 1], 0, "beyond"),
            ([2], [Int64.max - 1], 0, "beyond"), ([3], [Int64.max], 0, "strides overflow"),
            ([2, 2], [Int64.max, Int64.max], 0, "strides overflow"), ([2], [-1], 1, "negative"),
            ([-1], [1], 0, "negative"), ([1], [1], -1, "negative"), ([1], [1], Int64.max, "beyond"),
            ([1 << 32, 1 << 32], [0, 0], 0, "too large"), ([1 << 50], [0], 0, "larger than the file"),
            ([0, 1 << 62, 1 << 62], [1, 1, 1], 0, "too large"), ([4], [1, 1], 0, "differ in length"),
        ] as [([Int64], [Int64], Int64, String)])
    func layouts(shape: [Int64], strides: [Int64], offset: Int64, reason: String) throws {
        let path = try file(Self.tensor(offset: offset, shape: shape, strides: strides))
        expectRefusal(path, .badData, reason)
    }

    @Test("strides of dimensions never stepped along may be anything")
    func idleStrides() throws {
        let path = try file(Self.tensor(shape: [1, 4, 1], strides: [Int64.max, 1, Int64.max]))
        #expect(try Checkpoint.open(path).floats("w") == [0, 0, 0, 0])
    }

    @Test("a storage of another size than the pickle says, or none at all, is refused")
    func storages() throws {
        expectRefusal(
            try file(Self.tensor(count: 5, shape: [5], strides: [1])), .badData, "16 bytes, not 20")
        expectRefusal(
            try file(Self.tensor(count: Int64.max, shape: [1], strides: [1])), .badData, "too large")
        expectRefusal(try file(Self.tensor(count: -1, shape: [1], strides: [1])), .badData, "malformed")
        expectRefusal(
            try file(Self.tensor(shape: [1], strides: [1], key: "9")), .badData, "'9' is missing")
        expectRefusal(
            try file(Self.tensor(shape: [1], strides: [1], key: "../../etc/passwd")), .badData,
            "is missing")
        expectRefusal(
            try file(Self.tensor(type: "ComplexFloatStorage", shape: [1], strides: [1])), .badData,
            "holds no tensors")
    }

    @Test(
        "what is named is never looked up, whichever opcode brings it",
        arguments: [
            (Array("cos\nsystem\n(X\u{2}\u{0}\u{0}\u{0}lstR.".utf8), "os.system"),
            (Array("(ibuiltins\neval\n.".utf8), "builtins.eval"),
            (
                [0x80, 4, 0x8c, 8] + Array("builtins".utf8) + [0x8c, 4] + Array("exec".utf8) + [0x93, 0x2e],
                "builtins.exec"
            ),
            (Array("ctorch\nload\n.".utf8), "torch.load"),
            (Array("ctorch._utils\n_rebuild\n.".utf8), "torch._utils._rebuild"),
        ] as [([UInt8], String)])
    func names(pickle: [UInt8], name: String) throws {
        expectRefusal(try file(pickle), .badData, "holds no tensors")
    }

    @Test("a million nested tuples are read without recursing, and freed without recursing")
    func depth() throws {
        let nested = Self.prologue + [0x29] + [UInt8](repeating: 0x85, count: 900_000) + [0x2e]
        expectRefusal(try file(nested), .badData, "holds no tensors; it is no dictionary")
        let marks = Self.prologue + [UInt8](repeating: 0x28, count: 900_000) + [0x2e]
        expectRefusal(try file(marks), .badData, "malformed")
    }

    @Test("a pickle of more opcodes than any checkpoint has is refused")
    func length() throws {
        expectRefusal(
            try file([UInt8](repeating: 0x29, count: 3_000_000)), .badData, "more than 1000000 opcodes")
    }

    /// Each dictionary holds the one before it twice, which unfolds to 2^30 names.
    @Test("dictionaries that multiply through the memo are refused")
    func memoBomb() throws {
        var pickle = Self.prologue + [0x7d] + Self.string("x") + [0x4e, 0x73, 0x71, 0]
        for level in UInt8(0)..<30 {
            pickle +=
                [0x7d, 0x28] + Self.string("a") + [0x68, level] + Self.string("b") + [0x68, level, 0x75]
            pickle += [0x71, level + 1]
        }
        expectRefusal(try file(pickle + [0x2e]), .badData, "refer to each other or are nested too deep")
    }

    @Test("a dictionary within itself is looked into once")
    func cycle() throws {
        let pickle = Self.prologue + [0x7d, 0x71, 0] + Self.string("a") + [0x68, 0, 0x73, 0x2e]
        expectRefusal(try file(pickle), .badData, "holds no tensors")
    }

    @Test("a long key is not multiplied by what is nested under it")
    func longNames() throws {
        let long = String(repeating: "k", count: 2000)
        let pickle = Self.prologue + [0x7d] + Self.string(long) + [0x7d, 0x73, 0x2e]
        expectRefusal(try file(pickle), .badData, "holds no tensors")
    }

    @Test(
        "malformed opcodes",
        arguments: [
            [], [0x80], [0x80, 9], [0x2e], [0x52, 0x2e], [0x74, 0x2e], [0x68, 7, 0x2e], [0x65, 0x2e],
            [0x28, 0x30, 0x2e],
            [0x58, 0xff, 0xff, 0xff, 0xff, 0x2e],
            [0x8d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x2e],
            [0x8e, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0x2e], [0x7d, 0x28, 0x4e, 0x75, 0x2e], [0x4e, 0x51, 0x2e],
            [0x63, 0x61], [0x8b, 0xff, 0xff, 0xff, 0xff, 0x2e], [0x4b, 1, 0x4b, 2, 0x81, 0x2e], [0xff, 0x2e],
        ] as [[UInt8]])
    func malformed(pickle: [UInt8]) throws {
        #expect(throws: VitvideoError.self) { try Checkpoint.open(file(pickle)) }
    }
}
