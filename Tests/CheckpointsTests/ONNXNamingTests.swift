import Base
import Checkpoints
import Fixtures
import Foundation
import Testing

/// Graphs that name weights in ways that no golden has, made by hand.
@Suite("ONNX weights named by their nodes") struct ONNXNamingTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static func node(
        _ operation: String, _ inputs: [String], _ output: String, name: String = ""
    ) -> [UInt8] {
        typealias ONNX = ONNXTests
        return ONNX.field(
            1,
            inputs.flatMap { ONNX.field(1, Array($0.utf8)) } + ONNX.field(2, Array(output.utf8))
                + ONNX.field(3, Array(name.utf8)) + ONNX.field(4, Array(operation.utf8)))
    }

    private static func tensor(_ name: String, _ dims: [Int64]) -> [UInt8] {
        let values = (0..<dims.reduce(1, *)).map { Float($0) }
        return ONNXTests.initializer(name, dims, values.flatMap { ZipBuilder.bytes($0.bitPattern) })
    }

    private func open(_ graph: [UInt8]...) throws -> Checkpoint {
        try Checkpoint.open(
            directory.write(
                ONNXTests.field(1, 7) + ONNXTests.field(7, Array(graph.joined()))
                    + ONNXTests.field(8, [0x10, 14]),
                to: "x.onnx"))
    }

    @Test("a bias names its product, whatever the node is called") func bias() throws {
        let model = try open(
            Self.node("MatMul", ["x", "val_3"], "y", name: "/wrong/wrong/MatMul"),
            Self.node("Add", ["y", "a.fc.bias"], "z"), Self.tensor("val_3", [2, 3]),
            Self.tensor("a.fc.bias", [3]))
        #expect(Set(model.names) == ["a.fc.weight", "a.fc.bias"])
        #expect(try model.floats("a.fc.weight") == [0, 3, 1, 4, 2, 5])
    }

    @Test("a bias that two products share names neither") func sharedBias() throws {
        let model = try open(
            Self.node("MatMul", ["x", "val_3"], "y"), Self.node("Add", ["y", "a.k.bias"], "z"),
            Self.node("MatMul", ["x", "val_4"], "v"), Self.node("Add", ["v", "a.k.bias"], "w"),
            Self.tensor("val_3", [2, 2]), Self.tensor("val_4", [2, 2]), Self.tensor("a.k.bias", [2]))
        #expect(Set(model.names) == ["val_3", "val_4", "a.k.bias"])
        #expect(model.exportAdvice?.contains("optimize=False") == true)
    }

    @Test("a weight that is transposed under its own name") func transposedInPlace() throws {
        let model = try open(
            Self.node("MatMul", ["x", "a.fc.weight"], "y"), Self.tensor("a.fc.weight", [2, 3]))
        #expect(model.names == ["a.fc.weight"])
        #expect(try model.floats("a.fc.weight") == [0, 3, 1, 4, 2, 5])
    }

    @Test(arguments: [
        ("/blocks/blocks.0/mlp/fc1/MatMul", "blocks.0.mlp.fc1.weight"),
        ("/vit/vit/blocks.0/mlp/fc1/MatMul", "vit.vit.blocks.0.mlp.fc1.weight"),
        ("/vit/encoder/encoder.layer.0/fc/MatMul", "vit.encoder.layer.0.fc.weight"),
        ("/net/net.0/net.0.1/MatMul", "net.0.1.weight"),
    ]) func doubledScopes(node: String, name: String) throws {
        let model = try open(
            Self.node("MatMul", ["x", "onnx::MatMul_1"], "y", name: node),
            Self.tensor("onnx::MatMul_1", [2, 3]),
            Self.tensor("blocks.0.norm1.weight", [3]), Self.tensor("vit.vit.blocks.0.norm1.weight", [3]))
        #expect(model[name]?.shape == [3, 2])
    }

    @Test("a name of a million modules takes no time") func longNames() throws {
        let parts = String(repeating: "a.", count: 1_000_000)
        let model = try open(
            Self.node("MatMul", ["x", "val_1"], "y", name: parts.replacing(".", with: "/")),
            Self.tensor("val_1", [1, 2]), Self.tensor(parts + "weight", [1]))
        #expect(model.names.count == 2)
    }

    @Test("a product without initializer, bias or name") func nothing() throws {
        let model = try open(
            Self.node("MatMul", ["x"], "y"), Self.node("MatMul", [], ""), Self.node("Add", ["y", "y"], "y"),
            Self.node("Gemm", ["a", "b", "c"], "d"), Self.node("Concat", [], "c"),
            Self.node("Conv", ["x"], ""),
            Self.node("Reshape", [], ""), Self.tensor("w.weight", [1]))
        #expect(model.names == ["w.weight"])
    }

    @Test(
        arguments: [
            ([("Mul", "a"), ("Sigmoid", "b")], "quick_gelu"),
            // SiLU, and the tanh of a pooling layer.
            ([("Add", "a"), ("Sigmoid", "b")], nil), ([("Erf", "a"), ("Gemm", "b"), ("Tanh", "c")], "gelu"),
            ([("Mul", "a"), ("Tanh", "b")], "gelu_tanh"), ([("Erf", "a"), ("Mul", "b"), ("Tanh", "c")], nil),
            ([("Gelu", "a")], "gelu"),
        ] as [([(String, String)], String?)])
    func activations(operations: [(String, String)], name: String?) throws {
        let inputs = ["x"] + operations.map(\.1)
        let nodes = zip(operations, inputs).flatMap { Self.node($0.0, [$1], $0.1) }
        #expect(try open(nodes, Self.tensor("w.weight", [1])).metadata["activation"] == name)
    }

    @Test("a Gelu by tanh says so") func geluByTanh() throws {
        typealias ONNX = ONNXTests
        for (text, name) in [("tanh", "gelu_tanh"), ("none", "gelu")] {
            let attribute = ONNX.field(1, Array("approximate".utf8)) + ONNX.field(4, Array(text.utf8))
            let node = ONNX.field(4, Array("Gelu".utf8)) + ONNX.field(5, attribute)
            let model = try open(ONNX.field(1, node), Self.tensor("w.weight", [1]))
            #expect(model.metadata["activation"] == name)
        }
    }

    @Test("one bias of queries, keys and values that attention joins itself") func joinedBias() throws {
        let model = try open(
            Self.node("MatMul", ["x", "val_1"], "y", name: "/b.0/attn/MatMul"),
            Self.node("Add", ["val_2", "y"], "z"), Self.tensor("val_1", [2, 6]), Self.tensor("val_2", [6]),
            Self.tensor("b.0.attn.proj.bias", [2]))
        #expect(
            Set(model.names) == [
                "b.0.attn.qkv.weight", "b.0.attn.q_bias", "b.0.attn.v_bias", "b.0.attn.proj.bias",
            ])
        #expect(try model.floats("b.0.attn.q_bias") == [0, 1] && model.floats("b.0.attn.v_bias") == [4, 5])
    }
}
