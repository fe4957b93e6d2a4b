import Base
import Checkpoints
import Fixtures
import Foundation
import Testing

@Suite("ONNX models")
struct ONNXTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("an exported PyTorch model comes back under its parameters' names, shapes and values")
    func exported() throws {
        let model = try Checkpoint.open(golden("tiny.onnx"))
        let expected = try Checkpoint.open(golden("tiny_onnx.safetensors"))
        #expect(model.format == .onnx)
        #expect(model.metadata["producer_name"] == "pytorch")
        #expect(Set(model.names).isSuperset(of: expected.names))
        for name in expected.names {
            #expect(model[name] == expected[name], "\(name)")
            #expect(try model.floats(name) == expected.floats(name), "\(name)")
        }
        // What is left are constants of the interpolation, which are no parameters.
        let rest = Set(model.names).subtracting(expected.names)
        #expect(rest.allSatisfy { !$0.hasPrefix("backbone") && !$0.contains("MatMul") }, "\(rest)")
    }

    @Test("values in typed lists")
    func typed() throws {
        let model = try Checkpoint.open(golden("typed.onnx"))
        #expect(model.names == ["f32", "f64", "f16", "bf16", "i64"])
        for name in ["f32", "f64", "f16", "bf16"] {
            #expect(try model.floats(name) == [0, 1.5, -2.25], "\(name)")
        }
        #expect(model["i64"]?.elementType == .int64)
        #expect(throws: VitvideoError.self) { try model.floats("i64") }
    }

    @Test("weights in a file that is missing are refused")
    func external() {
        expectRefusal(golden("external.onnx"), .badData, "'w' lies in 'external.bin'")
    }

    // MARK: By hand

    static func varint(_ value: UInt64) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f) | 0x80] + varint(value >> 7)
    }

    static func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(UInt64(content.count)) + content
    }

    static func field(_ number: UInt64, _ value: UInt64) -> [UInt8] {
        varint(number << 3) + varint(value)
    }

    static func initializer(
        _ name: String, _ dims: [Int64], _ raw: [UInt8], type: UInt64 = 1
    ) -> [UInt8] {
        let message =
            dims.flatMap { field(1, UInt64(bitPattern: $0)) } + field(2, type) + field(8, Array(name.utf8))
        return field(5, message + field(9, raw))
    }

    private func file(_ graph: [UInt8]) throws -> String {
        try directory.write(
            Self.field(1, 7) + Self.field(7, graph) + Self.field(8, [0x10, 14]), to: "x.onnx")
    }

    @Test("the hand-made model is good as long as it does not lie")
    func honest() throws {
        let node = Self.field(
            1,
            Self.field(1, Array("x".utf8)) + Self.field(1, Array("onnx::MatMul_1".utf8))
                + Self.field(3, Array("/a/fc/MatMul".utf8)) + Self.field(4, Array("MatMul".utf8)))
        let values = ([1, 2, 3, 4, 5, 6] as [Float]).flatMap { ZipBuilder.bytes($0.bitPattern) }
        let model = try Checkpoint.open(file(node + Self.initializer("onnx::MatMul_1", [2, 3], values)))
        #expect(model.names == ["a.fc.weight"])
        #expect(model["a.fc.weight"]?.shape == [3, 2])
        #expect(try model.floats("a.fc.weight") == [1, 4, 2, 5, 3, 6])
    }

    @Test(
        "shapes that lie, overflow or are negative, and unknown types, are refused",
        arguments: [
            ([3], 1, "has 2 values"), ([1], 1, "has 2 values"), ([-2], 1, "negative"),
            ([1 << 32, 1 << 32], 1, "too large"), ([0, 1 << 62, 1 << 62], 1, "too large"),
            ([2], 11, "has 1 values"),
            ([2], 8, "ONNX type 8"), ([2], 0, "ONNX type 0"), ([2], 17, "ONNX type 17"),
        ] as [([Int64], UInt64, String)])
    func liars(dims: [Int64], type: UInt64, reason: String) throws {
        let path = try file(Self.initializer("w", dims, [0, 0, 0, 0, 0, 0, 0, 0], type: type))
        #expect {
            try Checkpoint.open(path)
        } throws: { error in
            "\(error)".contains(reason)
        }
    }

    @Test("names twice, lengths beyond the end, unknown wire types, no graph")
    func malformed() throws {
        let one = Self.initializer("w", [1], [0, 0, 0, 0])
        expectRefusal(try file(one + one), .badData, "two initialisers are named 'w'")
        expectRefusal(
            try directory.write(Self.field(1, 7) + [0x3a, 0xff, 0xff, 0xff, 0x7f], to: "a"), .badData,
            "beyond the end")
        expectRefusal(
            try directory.write(Self.field(1, 7) + [0x3a] + [UInt8](repeating: 0xff, count: 12), to: "b"),
            .badData,
            "malformed")
        expectRefusal(
            try directory.write(Self.field(1, 7) + [0x0b, 0, 0], to: "c"), .badData, "malformed")
        expectRefusal(
            try directory.write(Self.field(1, 7) + Self.field(8, []), to: "d"), .badData, "no graph")
        expectRefusal(
            try directory.write(Self.field(1, 7) + Self.field(7, one), to: "e"), .badData,
            "no operator set")
    }

    @Test("numbers in typed lists may come one by one, and a graph in parts")
    func unpackedAndMerged() throws {
        // float_data of four bytes each, int32_data with half precision's 1 and -2 as varints, packed and not.
        let floats = ([1, -2] as [Float]).flatMap { [0x25] as [UInt8] + ZipBuilder.bytes($0.bitPattern) }
        let halves = Self.field(5, [0x80, 0x78]) + Self.field(5, 0xc000)
        let one = Self.field(1, 2) + Self.field(2, 1) + Self.field(8, [0x61]) + floats
        let other = Self.field(2, 10) + Self.field(8, [0x62]) + halves + Self.field(1, [2])
        let path = try directory.write(
            Self.field(1, 7) + Self.field(7, Self.field(5, one)) + Self.field(8, [])
                + Self.field(7, Self.field(5, other)), to: "x.onnx")
        let model = try Checkpoint.open(path)
        #expect(model.names == ["a", "b"])
        #expect(try model.floats("a") == [1, -2])
        #expect(try model.floats("b") == [1, -2])
    }

    @Test("of several types and values the last holds, and a field of another kind is passed over")
    func lastOneWins() throws {
        let tensor =
            Self.field(1, 1) + Self.field(2, 11) + Self.field(2, 1) + Self.field(2, [9, 9])
            + Self.field(8, [0x61]) + Self.field(8, [0x77]) + Self.field(8, 3)
            + Self.field(9, [1, 2, 3]) + Self.field(9, [0, 0, 128, 63])
        let model = try Checkpoint.open(file(Self.field(5, tensor)))
        #expect(model.names == ["w"])
        #expect(try model.floats("w") == [1])
    }

    @Test("a name that is no text is refused")
    func notUTF8() throws {
        let tensor =
            Self.field(1, 1) + Self.field(2, 1) + Self.field(8, [0xff]) + Self.field(9, [0, 0, 0, 0])
        expectRefusal(try file(Self.field(5, tensor)), .badData, "not UTF-8")
    }

    @Test("a million empty nodes take no memory to speak of and no time")
    func emptyNodes() throws {
        let nodes = [UInt8]([0x0a, 0x00]).repeated(1_000_000)
        let model = try Checkpoint.open(file(nodes + Self.initializer("w", [1], [0, 0, 0, 0])))
        #expect(model.names == ["w"])
    }

    @Test("a shape with a side of 0 and one beyond all bounds is transposed at once")
    func emptyTransposed() throws {
        let node = Self.field(
            1,
            Self.field(1, Array("x".utf8)) + Self.field(1, Array("onnx::MatMul_1".utf8))
                + Self.field(3, Array("/a/MatMul".utf8)) + Self.field(4, Array("MatMul".utf8)))
        let model = try Checkpoint.open(file(node + Self.initializer("onnx::MatMul_1", [1 << 50, 0], [])))
        #expect(try model.floats("a.weight") == [])
    }
}

extension [UInt8] {
    fileprivate func repeated(_ times: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count * times) { buffer, initializedCount in
            for index in 0..<(count * times) { buffer[index] = self[index % count] }
            initializedCount = count * times
        }
    }
}
