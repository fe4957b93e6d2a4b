import Base
import ViT

/// A tensor of a graph.
package struct Value: Hashable, Sendable {
    package let index: Int
}

/// A model as a list of operators over row-major tensors of 32-bit floats, in the order in which they are computed. All
/// shapes are known: a graph is made for one size of the picture.
package struct Graph: Sendable {
    package struct Node: Sendable {
        package let operation: any Operator
        package let inputs: [Value]
        package let output: Value
        /// What part of the model it belongs to, in the words of the file it comes from.
        package let scope: String
    }

    /// Where a tensor comes from.
    package enum Origin: Sendable {
        /// The picture, 1 × 3 × height × width.
        case picture
        case parameter([Float])
        /// The node of this number.
        case node(Int)
    }

    package private(set) var shapes: [Shape] = []
    package private(set) var origins: [Origin] = []
    package private(set) var nodes: [Node] = []
    /// The picture that the model looks at.
    package let picture: Value
    /// What comes out at last, such as the classes' logits.
    package var output: Value?
    /// What part of the model the steps that are added now belong to.
    package var scope = ""
    /// How many values parameters that were computed may have in all.
    private var foldable: Int

    /// Parameters that are computed of others, such as a bias table spread out: 1 GB.
    package static let mostFolded = 1 << 28

    /// - Parameter foldable: how many values may be computed of parameters alone.
    /// - Throws: `VitvideoError` of kind `badData` for a picture that is too large for places.
    package init(height: Int, width: Int, foldable: Int = Graph.mostFolded) throws {
        self.foldable = foldable
        guard (1...Place.largestSide).contains(height), (1...Place.largestSide).contains(width) else {
            throw VitvideoError.badData("a picture of \(width)×\(height) pixels")
        }
        picture = Value(index: 0)
        shapes = [try Shape([1, 3, height, width])]
        origins = [.picture]
    }

    package func shape(_ value: Value) -> Shape { shapes[value.index] }

    /// A parameter's values; nil for what depends on the picture.
    package func parameter(_ value: Value) -> [Float]? {
        if case .parameter(let values) = origins[value.index] { values } else { nil }
    }

    /// The node that computes a tensor; nil for the picture and for parameters.
    package func node(of value: Value) -> Node? {
        if case .node(let index) = origins[value.index] { nodes[index] } else { nil }
    }

    /// - Parameter values: as many as the shape has.
    package mutating func addParameter(_ values: [Float], _ shape: Shape) -> Value {
        precondition(values.count == shape.count)
        return append(shape, .parameter(values))
    }

    /// Adds a step; of parameters alone it is computed at once and is one itself.
    ///
    /// - Throws: `VitvideoError` where parameters become too many.
    package mutating func apply(_ operation: any Operator, _ inputs: [Value]) throws -> Value {
        let parameters = inputs.compactMap { parameter($0) }
        if parameters.count == inputs.count { return try fold(operation, parameters) }
        let output = append(operation.shape, .node(nodes.count))
        nodes.append(Node(operation: operation, inputs: inputs, output: output, scope: scope))
        return output
    }

    private mutating func fold(_ operation: any Operator, _ inputs: [[Float]]) throws -> Value {
        try spend(operation.shape.count)
        var values = [Float](repeating: 0, count: operation.shape.count)
        // An empty array has no address.
        var copies = inputs.map { $0.isEmpty ? [0] : $0 }
        if values.isEmpty { return append(operation.shape, .parameter([])) }
        try withPointers(&copies) { pointers in
            try values.withUnsafeMutableBufferPointer {
                try operation.forward($0.baseAddress!, pointers, GraphContext())
            }
        }
        return append(operation.shape, .parameter(values))
    }

    /// Counts values that are computed before there is a picture.
    ///
    /// - Throws: `VitvideoError` of kind `badData` where they become too many.
    mutating func spend(_ count: Int) throws {
        foldable -= min(count, Shape.mostValues)
        guard foldable >= 0 else {
            throw VitvideoError.badData(
                "what is computed of its parameters alone takes far more room than they do")
        }
    }

    private mutating func append(_ shape: Shape, _ origin: Origin) -> Value {
        shapes.append(shape)
        origins.append(origin)
        return Value(index: shapes.count - 1)
    }

    /// Multiplications or the like that a forward pass takes, about.
    package var operations: Int {
        nodes.reduce(0) { sum, node in
            let (result, overflows) = sum.addingReportingOverflow(node.operation.operations)
            return overflows ? .max : result
        }
    }

    /// The steps to a tensor, which becomes the output, without those that come later.
    package func upTo(_ value: Value) -> Graph {
        var graph = self
        if case .node(let last) = origins[value.index] { graph.nodes = Array(nodes[...last]) }
        graph.output = value
        return graph
    }
}

/// Lends the addresses of several arrays.
private func withPointers<Result>(
    _ arrays: inout [[Float]], _ body: ([UnsafePointer<Float>]) throws -> Result
) rethrows -> Result {
    var pointers: [UnsafePointer<Float>] = []
    func lend(_ index: Int) throws -> Result {
        if index == arrays.count { return try body(pointers) }
        return try arrays[index].withUnsafeBufferPointer {
            pointers.append($0.baseAddress!)
            return try lend(index + 1)
        }
    }
    return try lend(0)
}
