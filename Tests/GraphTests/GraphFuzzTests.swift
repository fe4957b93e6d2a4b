import Base
import Checkpoints
import Files
import Fixtures
import Foundation
import Testing
import ViT

@testable import Graph

/// ONNX graphs changed at random, in their bytes and in what they say: each is computed, or refused by an error of its own, in
/// little time and memory. That no byte outside of a tensor is touched is for the address sanitizer to say, with which
/// `make check-robustness` builds this.
@Suite("Robustness: fuzzed graphs") struct GraphFuzzTests {
    static let models = [ONNXBuilder.windowed(), ONNXBuilder.pooled()]

    /// What a graph may take here.
    static let mostBytes = 64 << 20
    static let mostOperations = 20_000_000

    /// Reads and computes a model.
    ///
    /// - Returns: whether it was small enough to be computed.
    @discardableResult
    static func compute(_ bytes: [UInt8], _ file: ScratchFile, side: Int = 16) throws -> [Float]? {
        try file.write(bytes)
        let source = try ONNXGraph.open(file.path)
        let graph = try ONNXModel.graph(of: source, height: side, width: side)
        guard GraphPlan(graph).memoryBytes <= mostBytes, graph.operations <= mostOperations else {
            return nil
        }
        let instance = try GraphInstance(graph.prepared())
        let pass = try GraphPass(
            GraphPlan(instance.graph, keeping: instance.attention.map(\.value)), GraphContext())
        for i in pass.picture.indices { pass.picture[i] = Float(i % 17) / 17 }
        try pass.run()
        for matrix in instance.attention {
            pass.withValues(matrix.value) { _ = matrix.received($0, head: 0) }
        }
        return instance.graph.output.map { pass.withValues($0) { Array($0) } }
    }

    @Test("sound ones are computed", arguments: models.indices)
    func sound(index: Int) throws {
        let output = try #require(try Self.compute(Self.models[index].encoded(), ScratchFile()))
        #expect(!output.isEmpty && output.allSatisfy(\.isFinite))
    }

    /// Each in as many parts, which run beside each other.
    static let parts = 0..<4
    static var executions: Int { (RobustnessTable.isThorough ? 500_000 : 4_000) / parts.count }

    @Test("changed bytes are read or refused", arguments: parts)
    func bytes(part: Int) throws {
        var mutator = Mutator(corpus: Self.models.map { $0.encoded() }, seed: UInt64(2027 + 1000 * part))
        try run("graphs: changed bytes") { mutator.next() }
    }

    @Test("changed graphs are computed or refused", arguments: parts)
    func graphs(part: Int) throws {
        var mutator = GraphMutator(seed: UInt64(2028 + 1000 * part))
        try run("graphs: changed nodes") { mutator.next(Self.models).encoded() }
    }

    private func run(_ row: String, _ next: () -> [UInt8]) throws {
        let file = try ScratchFile()
        let share = 1_000
        var computed = 0
        for start in stride(from: 0, to: Self.executions, by: share) {
            var passed = 0
            for round in start..<start + share {
                let bytes = next()
                do {
                    if try Self.compute(bytes, file) != nil { computed += 1 }
                    passed += 1
                } catch is VitvideoError {
                    passed += 1
                } catch {
                    Issue.record("\(row), round \(round): \(error)")
                }
            }
            RobustnessTable.count(row, tried: share, passed: passed)
        }
        // The search reaches what computes, and not only what reads.
        #expect(computed > Self.executions / 100)
    }

    // MARK: What nobody exports, by its own line

    private func refusal(_ change: (inout ONNXBuilder) -> Void) -> String {
        var model = ONNXBuilder.windowed()
        change(&model)
        do {
            try Self.compute(model.encoded(), ScratchFile())
            return "computed"
        } catch {
            return "\(error)"
        }
    }

    @Test func cycle() {
        let text = refusal { $0.nodes[0].inputs[0] = $0.nodes[2].outputs[0] }
        #expect(text.contains("takes 'v2', which nothing before it puts out"), "\(text)")
    }

    @Test func missingInput() {
        let text = refusal { $0.nodes[3].inputs = [] }
        #expect(text.contains("input 0 is missing"), "\(text)")
    }

    @Test func overflowingShape() {
        let text = refusal { $0.tensors[2].values = .integers([1 << 40, 1 << 40, 2, 2, 2, 2]) }
        #expect(text.contains("is larger than memory"), "\(text)")
    }

    @Test func absurdAxis() {
        let text = refusal { $0.nodes[4].attributes = [("axis", .integer(1 << 62))] }
        #expect(text.contains("there is no axis 4611686018427387904"), "\(text)")
    }

    @Test func unknownOperator() {
        let text = refusal { $0.nodes[4].operation = "NonMaxSuppression" }
        #expect(text.contains("operators that are not computed here: 'NonMaxSuppression'"), "\(text)")
    }

    /// Integers become a parameter of the graph when an operator of floats takes them.
    @Test func normsOfIntegers() throws {
        let shape = try #require(ONNXBuilder.windowed().nodes.firstIndex { $0.operation == "Reshape" })
        let text = refusal { model in
            model.nodes[shape].operation = "InstanceNormalization"
            model.nodes[shape].inputs = [model.nodes[shape].inputs[1]]
        }
        #expect(text.contains("has no channels"), "\(text)")
    }

    @Test func severalPictures() {
        let text = refusal { $0.inputSizes = [2, 3, 16, 16] }
        #expect(text.contains("its inputs are not one picture"), "\(text)")
    }
}

/// Changes what graphs say, and leaves them well-formed.
struct GraphMutator {
    private var random: SplitMix64
    private static let numbers = [
        0, 1, -1, 2, 3, 4, 7, 16, -2, 255, 4096, 65_536, 1 << 20, 1 << 31, 1 << 33, 1 << 40, 1 << 62, .max,
        .min,
    ]
    private static let operations = [
        "Add", "Sub", "Mul", "Div", "Pow", "MatMul", "Softmax", "Reshape", "Transpose", "Concat", "Slice",
        "Split", "Pad",
        "Gather", "GatherND", "ScatterND", "Expand", "Tile", "Flatten", "Squeeze", "Unsqueeze", "ReduceMean",
        "ReduceSum",
        "ReduceMax",
        "ReduceProd", "Shape", "Size", "ConstantOfShape", "Range", "Cast", "Equal", "Where", "Not", "Mod",
        "Conv",
        "MaxPool", "AveragePool", "GlobalAveragePool", "LayerNormalization", "BatchNormalization",
        "InstanceNormalization", "GroupNormalization", "Resize", "Upsample", "DepthToSpace", "SpaceToDepth",
        "Einsum",
        "Erf", "Gelu", "Clip", "Identity", "Gemm", "NonZero", "Min", "Max",
    ]
    private static let attributes = [
        "axis", "axes", "perm", "keepdims", "strides", "pads", "kernel_shape", "dilations", "group",
        "blocksize",
        "ceil_mode", "epsilon", "num_groups", "to", "transA", "transB", "num_outputs", "split", "batch_dims",
        "start", "end",
    ]

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(max(bound, 1))) }
    private mutating func number() -> Int {
        below(3) == 0 ? below(9) - 3 : Self.numbers[below(Self.numbers.count)]
    }

    mutating func next(_ models: [ONNXBuilder]) -> ONNXBuilder {
        var model = models[below(models.count)]
        for _ in 0...below(3) { change(&model) }
        return model
    }

    private mutating func change(_ model: inout ONNXBuilder) {
        let node = below(model.nodes.count)
        switch below(9) {
        case 0: model.nodes[node].operation = Self.operations[below(Self.operations.count)]
        case 1:
            guard !model.nodes[node].inputs.isEmpty else { return }
            let names = ["x", ""] + model.tensors.map(\.name) + model.nodes.flatMap(\.outputs)
            model.nodes[node].inputs[below(model.nodes[node].inputs.count)] = names[below(names.count)]
        case 2:
            let name = Self.attributes[below(Self.attributes.count)]
            let count = below(7)
            let value: ONNXBuilder.Attribute =
                below(2) == 0 ? .integer(number()) : .integers((0..<count).map { _ in number() })
            model.nodes[node].attributes.append((name, value))
        case 3:
            guard !model.nodes[node].attributes.isEmpty else { return }
            let index = below(model.nodes[node].attributes.count)
            switch model.nodes[node].attributes[index].1 {
            case .integers(var values) where !values.isEmpty:
                values[below(values.count)] = number()
                model.nodes[node].attributes[index].1 = .integers(values)
            default: model.nodes[node].attributes[index].1 = .integer(number())
            }
        case 4:
            let index = below(model.tensors.count)
            if case .integers(var values) = model.tensors[index].values, !values.isEmpty {
                values[below(values.count)] = number()
                model.tensors[index].values = .integers(values)
            } else {
                // The same values in another shape.
                model.tensors[index].sizes = [1, 1] + model.tensors[index].sizes.reversed()
            }
        case 5: model.nodes.swapAt(node, below(model.nodes.count))
        case 6: model.nodes.remove(at: node)
        case 7: model.nodes.insert(model.nodes[below(model.nodes.count)], at: node)
        default: model.inputSizes[below(4)] = number()
        }
        if model.nodes.isEmpty { model = ONNXBuilder.windowed() }
    }
}

/// A file without a name in any directory.
final class ScratchFile {
    private let descriptor: Int32
    var path: String { "/proc/self/fd/\(descriptor)" }

    init() throws { descriptor = try AtomicFile.makeScratch(beside: NSTemporaryDirectory() + "graph") }

    func write(_ bytes: [UInt8]) throws {
        guard ftruncate(descriptor, off_t(bytes.count)) == 0,
            pwrite(descriptor, bytes, bytes.count, 0) == bytes.count
        else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    }

    deinit { close(descriptor) }
}
