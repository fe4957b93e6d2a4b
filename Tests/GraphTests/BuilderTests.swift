import Base
import Checkpoints
import Fixtures
import Graph
import Testing

/// Hierarchical models against timm: as they are written down from safetensors, and as both of PyTorch's exporters write them
/// as ONNX.
@Suite struct BuilderTests {
    private static let files = ["model.safetensors", "model.onnx", "model-dynamo.onnx"]

    private func graph(_ golden: GraphGolden, _ file: String, height: Int, width: Int) throws -> Graph {
        if file.hasSuffix(".onnx") {
            return try ONNXModel.graph(of: ONNXGraph.open(golden.path(file)), height: height, width: width)
        }
        return try golden.family.graph(of: golden.checkpoint(), height: height, width: width)
    }

    private func expectAttention(
        _ run: GraphRun, _ expected: Expected, _ prefix: String = "", tolerance: Float
    ) throws {
        var count = 0
        while let attention = try expected.attention(prefix, count) {
            try #require(count < run.matrices.count)
            let values = try run.attention(count, like: attention)
            let difference = zip(values, attention.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(difference < tolerance, "attention \(count), \(run.matrices[count].scope)")
            count += 1
        }
        #expect(count > 1 && run.matrices.count == count)
    }

    @Test(arguments: GraphGolden.all, files) func theNumbersAreTimms(_ golden: GraphGolden, file: String)
        throws
    {
        let expected = try golden.expected()
        let (picture, height, width) = try expected.input()
        let run = try GraphRun(
            graph(golden, file, height: height, width: width), picture, target: expected.target())
        #expect(relativeError(run.output, try expected.floats("output")) < 1e-4)
        #expect(relativeError(run.gradient, try expected.floats("input_gradient")) < 1e-3)
        try expectAttention(run, expected, tolerance: golden.tolerance)
    }

    @Test(arguments: GraphGolden.all.filter(\.hasOther)) func soTheyAreAtAnotherSize(_ golden: GraphGolden)
        throws
    {
        let expected = try golden.expected()
        let (picture, height, width) = try expected.input("other_")
        #expect(height != width)
        let run = try GraphRun(
            graph(golden, "model.safetensors", height: height, width: width), picture)
        #expect(relativeError(run.output, try expected.floats("other_output")) < 1e-4)
        try expectAttention(run, expected, "other_", tolerance: golden.tolerance)
    }

    @Test(arguments: GraphGolden.all) func aFileTellsItsFamily(_ golden: GraphGolden) throws {
        #expect(GraphFamily.recognized(try golden.checkpoint()) == golden.family)
    }

    @Test func aPlainModelIsNoneOfThem() throws {
        let path = Fixtures.golden("graph/vit/model.safetensors").path
        #expect(GraphFamily.recognized(try Checkpoint.open(path)) == nil)
    }

    /// What is shown as the place of an attention matrix.
    @Test(arguments: GraphGolden.all) func attentionIsWhereTheFileHasIt(_ golden: GraphGolden) throws {
        let checkpoint = try golden.checkpoint()
        let (_, height, width) = try golden.expected().input()
        let graph = try golden.family.graph(of: checkpoint, height: height, width: width).prepared()
        let scopes = AttentionMatrix.all(of: try PlacedGraph(graph)).matrices.map(\.scope)
        #expect(Set(scopes).count == scopes.count)
        for scope in scopes {
            #expect(scope.contains("blocks"))
            #expect(checkpoint.names.contains { $0.hasPrefix(scope + ".") }, "\(scope)")
        }
    }
}
