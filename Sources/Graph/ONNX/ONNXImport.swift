import Base
import Checkpoints
import Files
import ViT

/// An ONNX model as a graph for one size of the picture.
///
/// Nodes are followed in the file's order, which ONNX demands to be one of computation. Integers are computed at once, so
/// that all shapes are known; steps of parameters alone are, too.
struct ONNXImport {
    /// What a name stands for.
    enum Entry {
        case tensor(Value)
        case integers(Integers)
    }

    private let source: ONNXGraph
    var graph: Graph
    private var entries: [String: Entry] = [:]
    /// How many integers the node has put out.
    private var spent = 0
    let operatorSet: Int
    /// The node that is being read.
    private(set) var node: ONNXGraph.Node

    /// What becomes of a node of each kind.
    typealias Rule = @Sendable (inout ONNXImport) throws -> Void
    private static let rules = layoutRules.merging(arithmeticRules) { $1 }
        .merging(productRules) { $1 }.merging(integerRules) { $1 }

    /// - Throws: `VitvideoError` where the model is damaged, is none of a picture, or has an operator that is not known here,
    ///   which is named.
    static func graph(of source: ONNXGraph, height: Int, width: Int) throws -> Graph {
        try locating("read", source.path) {
            var reader = try ONNXImport(source, height: height, width: width)
            return try reader.run()
        }
    }

    private init(_ source: ONNXGraph, height: Int, width: Int) throws {
        self.source = source
        operatorSet = source.operatorSet
        node = source.nodes[0]
        // Bias tables spread out, masks, indices: a few times what the file holds.
        graph = try Graph(
            height: height, width: width, foldable: (1 << 22) + 8 * min(source.valueCount, Shape.mostValues))
        entries[try Self.picture(of: source).name] = .tensor(graph.picture)
    }

    /// The input that is a picture, and the size it must have where the model fixes one.
    ///
    /// - Throws: `VitvideoError` of kind `badData` where there is none, or more than one.
    static func picture(of source: ONNXGraph) throws -> (name: String, height: Int?, width: Int?) {
        let inputs = source.inputs.filter { !source.hasInitializer($0.name) }
        guard inputs.count == 1, inputs[0].sizes.count == 4, inputs[0].sizes[0].map({ $0 == 1 }) ?? true,
            inputs[0].sizes[1].map({ $0 == 3 }) ?? true
        else {
            throw VitvideoError.badData(
                "its inputs are not one picture of 1×3×height×width",
                nextStep: "export the vision tower alone, with a batch of one")
        }
        return (inputs[0].name, inputs[0].sizes[2], inputs[0].sizes[3])
    }

    private mutating func run() throws -> Graph {
        guard let last = source.outputs.first else { throw VitvideoError.badData("it puts nothing out") }
        let unknown = Set(
            source.nodes.filter { !$0.domain.isEmpty || Self.rules[$0.operation] == nil }.map(\.operation))
        guard unknown.isEmpty else {
            throw VitvideoError(
                .usage,
                reason: "it has operators that are not computed here: "
                    + unknown.sorted().map { quoted($0) }.joined(separator: ", "))
        }
        for node in source.nodes {
            self.node = node
            graph.scope = node.name
            do {
                try Self.rules[node.operation]?(&self)
                try graph.spend(spent)
                spent = 0
            } catch let error as VitvideoError where error.path == nil {
                throw VitvideoError(
                    error.kind, reason: "\(node.operation) \(quoted(node.name)): \(error.reason)",
                    nextStep: error.nextStep)
            }
        }
        graph.output = try tensor(named: last)
        graph.scope = ""
        return graph
    }

    // MARK: What a node takes

    func hasInput(_ index: Int) -> Bool { index < node.inputs.count && !node.inputs[index].isEmpty }

    private mutating func entry(named name: String) throws -> Entry {
        if let entry = entries[name] { return entry }
        guard let initializer = try source.initializer(name) else {
            throw VitvideoError.badData("it takes \(quoted(name)), which nothing before it puts out")
        }
        let entry = try entry(initializer)
        entries[name] = entry
        return entry
    }

    private mutating func entry(_ tensor: ONNXGraph.Tensor) throws -> Entry {
        let shape = try Shape(tensor.sizes)
        switch tensor.values {
        case .numbers(let values): return .tensor(graph.addParameter(values, shape))
        case .integers(let values): return .integers(Integers(shape, values))
        }
    }

    /// - Throws: `VitvideoError` of kind `badData` where there is none.
    mutating func input(_ index: Int) throws -> Entry {
        guard hasInput(index) else { throw VitvideoError.badData("input \(index) is missing") }
        return try entry(named: node.inputs[index])
    }

    private mutating func tensor(named name: String) throws -> Value {
        switch try entry(named: name) {
        case .tensor(let value): return value
        case .integers(let integers):
            return graph.addParameter(integers.values.map { Float($0) }, integers.shape)
        }
    }

    /// An input as a tensor of 32-bit floats.
    mutating func tensor(_ index: Int) throws -> Value {
        _ = try input(index)
        return try tensor(named: node.inputs[index])
    }

    /// An input that must not depend on the picture, as integers.
    mutating func integers(_ index: Int) throws -> Integers {
        switch try input(index) {
        case .integers(let integers): return integers
        case .tensor(let value):
            guard let values = graph.parameter(value) else {
                throw VitvideoError.badData(
                    "input \(index) depends on the picture, and has to be known beforehand")
            }
            return Integers(graph.shape(value), try values.map { try Self.integer($0) })
        }
    }

    /// An input that must not depend on the picture, as numbers.
    mutating func numbers(_ index: Int) throws -> [Float] {
        switch try input(index) {
        case .integers(let integers): return integers.values.map { Float($0) }
        case .tensor(let value):
            guard let values = graph.parameter(value) else {
                throw VitvideoError.badData(
                    "input \(index) depends on the picture, and has to be known beforehand")
            }
            return values
        }
    }

    static func integer(_ value: Float) throws -> Int {
        guard value.isFinite, abs(value) < 1e18 else { throw VitvideoError.badData("\(value) is no integer") }
        return Int(value)
    }

    /// Whether everything it takes is integers.
    mutating func takesIntegers() throws -> Bool {
        for index in node.inputs.indices where hasInput(index) {
            guard case .integers = try input(index) else { return false }
        }
        return true
    }

    // MARK: Attributes

    func integer(_ name: String) -> Int? {
        if case .integer(let value)? = node.attributes[name] { value } else { nil }
    }

    func number(_ name: String) -> Float? {
        if case .number(let value)? = node.attributes[name] { value } else { nil }
    }

    func text(_ name: String) -> String? {
        if case .text(let value)? = node.attributes[name] { value } else { nil }
    }

    func list(_ name: String) -> [Int]? {
        if case .integers(let value)? = node.attributes[name] { value } else { nil }
    }

    /// Axes, which older operator sets give as an attribute and newer ones as an input.
    mutating func axes(input index: Int) throws -> [Int]? {
        if let axes = list("axes") { return axes }
        return hasInput(index) ? try integers(index).values : nil
    }

    // MARK: What a node puts out

    mutating func output(_ value: Value, _ index: Int = 0) { set(.tensor(value), index) }
    mutating func output(_ integers: Integers, _ index: Int = 0) {
        spent += integers.values.count
        set(.integers(integers), index)
    }

    private mutating func set(_ entry: Entry, _ index: Int) {
        guard index < node.outputs.count, !node.outputs[index].isEmpty else { return }
        entries[node.outputs[index]] = entry
    }

    /// Puts out what the file itself holds.
    mutating func output(_ tensor: ONNXGraph.Tensor) throws { set(try entry(tensor), 0) }
}

/// ONNX models as graphs.
package enum ONNXModel {
    /// - Throws: `VitvideoError` where the model is damaged, is none of a picture, or has operators that are not known here,
    ///   which are named.
    package static func graph(of source: ONNXGraph, height: Int, width: Int) throws -> Graph {
        try ONNXImport.graph(of: source, height: height, width: width)
    }

    /// The size that pictures must have; nil for what the model leaves open.
    ///
    /// - Throws: `VitvideoError` of kind `badData` where it does not take one picture.
    package static func pictureSize(of source: ONNXGraph) throws -> (height: Int?, width: Int?) {
        let picture = try ONNXImport.picture(of: source)
        return (picture.height, picture.width)
    }
}
