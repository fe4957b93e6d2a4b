import Base
import Checkpoints
import Fixtures
import Testing
import ViT

@testable import Graph

/// What rows and columns of attention stand for, found in graphs.
@Suite struct PlaceTests {
    private func instance(_ model: ONNXBuilder) throws -> GraphInstance {
        let file = try ScratchFile()
        try file.write(model.encoded())
        return try GraphInstance(ONNXModel.graph(of: .open(file.path), height: 16, width: 16).prepared())
    }

    private func patch(_ row: Int, _ column: Int, side: Int = 4) -> Place {
        Place(rows: row * side..<(row + 1) * side, columns: column * side..<(column + 1) * side)
    }

    @Test("windows know their patches")
    func windows() throws {
        let matrix = try #require(try instance(.windowed()).attention.first)
        #expect(matrix.windowOffsets.count == 4 && matrix.heads == 1)
        #expect(matrix.queries?.rows == 4 && matrix.keys.columns == 4)
        // The second window is the upper right quarter, its patches row by row.
        #expect(Array(matrix.rowPlaces[4..<8]) == [patch(0, 2), patch(0, 3), patch(1, 2), patch(1, 3)])
        #expect(matrix.columnPlaces == matrix.rowPlaces)
        #expect(matrix.queryTokens == 0)
    }

    @Test("a query sees its window and nothing else")
    func query() throws {
        let instance = try instance(.windowed())
        let matrix = try #require(instance.attention.first)
        let pass = try GraphPass(GraphPlan(instance.graph, keeping: [matrix.value]), GraphContext())
        for i in pass.picture.indices { pass.picture[i] = Float(i % 13) / 13 }
        try pass.run()
        let map = try #require(pass.withValues(matrix.value) { matrix.map($0, head: 0, from: patch(3, 1)) })
        let inside: Set = [8, 9, 12, 13]
        for (cell, value) in map.enumerated() {
            #expect(inside.contains(cell) == (value > 0), "cell \(cell)")
        }
        #expect(abs(map.reduce(0, +) - 1) < 1e-5)
        #expect(pass.withValues(matrix.value) { matrix.map($0, head: 0, from: .token(0)) } == nil)
        let received = pass.withValues(matrix.value) { matrix.received($0, head: 0) }
        #expect(abs(received.reduce(0, +) - 1) < 1e-5)
    }

    @Test("a parameter beside patches is a token; windows and pools hand places on")
    func token() throws {
        let matrix = try #require(try instance(.pooled()).attention.first)
        #expect(matrix.queryTokens == 1 && matrix.rowPlaces.first == .token(0))
        #expect(matrix.keys.rows == 4 && matrix.keys.columns == 4)
        #expect(matrix.rowPlaces[1] == patch(0, 0) && matrix.rowPlaces.last == patch(3, 3))
    }

    /// 16 patches of 8 channels that attend to each other as channels do: a matrix of 8 × 8.
    private static func channels() -> ONNXBuilder {
        var model = ONNXBuilder(height: 16, width: 16)
        let filters = model.numbers([8, 3, 4, 4]) { Float($0 % 7) / 7 - 0.4 }
        let embedded = model.add(
            "Conv", ["x", filters], [("strides", .integers([4, 4])), ("kernel_shape", .integers([4, 4]))])
        let rows = model.add("Reshape", [embedded, model.integers([1, 8, 16])])
        let columns = model.add("Transpose", [rows], [("perm", .integers([0, 2, 1]))])
        let attention = model.add(
            "Softmax", [model.add("MatMul", [rows, columns])], [("axis", .integer(-1))])
        model.add("MatMul", [attention, rows])
        return model
    }

    @Test("channels are no parts of the picture")
    func channelAttention() throws {
        let instance = try instance(Self.channels())
        #expect(instance.attention.isEmpty && instance.unplaced.count == 1)
    }

    @Test("attention turned round, behind the values")
    func turned() throws {
        var model = ONNXBuilder.windowed()
        // V as 4 × 8 × 4 times the transposed attention, and back.
        let index = try #require(model.nodes.firstIndex { $0.inputs.last == "v" && $0.operation == "MatMul" })
        let attention = model.nodes[index].inputs[0]
        let output = model.nodes[index].outputs[0]
        func turn(_ input: String, _ name: String) -> ONNXBuilder.Node {
            ONNXBuilder.Node(
                operation: "Transpose", inputs: [input], outputs: [name],
                attributes: [("perm", .integers([0, 2, 1]))])
        }
        model.nodes.replaceSubrange(
            index...index,
            with: [
                turn(attention, "a"), turn("v", "w"),
                ONNXBuilder.Node(operation: "MatMul", inputs: ["w", "a"], outputs: ["m"], attributes: []),
                turn("m", output),
            ])
        let (straight, other) = (try instance(.windowed()), try instance(model))
        let (a, b) = (try #require(straight.attention.first), try #require(other.attention.first))
        #expect(a.rowPlaces == b.rowPlaces && a.columnPlaces == b.columnPlaces)
        func received(_ instance: GraphInstance, _ matrix: AttentionMatrix) throws -> [Float] {
            let pass = try GraphPass(GraphPlan(instance.graph, keeping: [matrix.value]), GraphContext())
            for i in pass.picture.indices { pass.picture[i] = Float(i % 13) / 13 }
            try pass.run()
            return try #require(pass.withValues(matrix.value) { matrix.map($0, head: 0, from: patch(1, 2)) })
        }
        #expect(relativeError(try received(other, b), try received(straight, a)) < 1e-6)
    }

    @Test("tokens that share memory are computed as those that do not")
    func memory() throws {
        for model in [ONNXBuilder.windowed(), .pooled()] {
            let graph = try instance(model).graph
            func output(keepsAll: Bool) throws -> [Float] {
                let pass = try GraphPass(GraphPlan(graph, keepsAll: keepsAll), GraphContext())
                for i in pass.picture.indices { pass.picture[i] = Float(i % 13) / 13 }
                try pass.run()
                return pass.withValues(try #require(graph.output)) { Array($0) }
            }
            #expect(try output(keepsAll: true) == output(keepsAll: false))
            #expect(GraphPlan(graph).memoryBytes < GraphPlan(graph, keepsAll: true).memoryBytes)
        }
    }
}
