import Base
import Files
import ViT

/// A model being written down: its graph, and the weights that it takes by their names.
struct ModelBuilder {
    var graph: Graph
    let weights: GraphWeights

    /// - Throws: as `Graph.init`.
    init(_ weights: GraphWeights, height: Int, width: Int) throws {
        self.weights = weights
        graph = try Graph(height: height, width: width)
    }

    /// Sizes of a tensor's axes.
    func sizes(_ x: Value) -> [Int] { graph.shape(x).sizes }

    /// A tensor of the file as a parameter.
    ///
    /// - Parameter sizes: what it is to be seen as; the file's where nil.
    /// - Throws: `VitvideoError` where there is none, or its values are not as many.
    mutating func parameter(_ name: String, _ sizes: [Int]? = nil) throws -> Value {
        let values = try weights.floats(name)
        let shape = try Shape(sizes ?? weights.sizes(of: name))
        guard shape.count == values.count else {
            throw VitvideoError(
                .badData, cannot: "use", path: weights.checkpoint.path,
                reason: "tensor \(quoted(name)) has \(values.count) values where \(shape) are to be")
        }
        return graph.addParameter(values, shape)
    }

    mutating func constant(_ values: [Float], _ sizes: [Int]) throws -> Value {
        graph.addParameter(values, try Shape(sizes))
    }

    /// x·Wᵀ + b over the last axis, by `name.weight`, out × in, and `name.bias` where there is one.
    mutating func linear(_ x: Value, _ name: String) throws -> Value {
        let weight = try parameter(name + ".weight")
        guard graph.shape(weight).rank == 2 else { throw misshapen(name + ".weight") }
        let product = try graph.matmul(x, transposed: weight)
        return weights.has(name + ".bias") ? try graph.add(product, parameter(name + ".bias")) : product
    }

    /// LayerNorm over the last axis, by `name.weight` and `name.bias`.
    mutating func layerNorm(_ x: Value, _ name: String, epsilon: Float) throws -> Value {
        try graph.layerNorm(
            x, gamma: parameter(name + ".weight"), beta: parameter(name + ".bias"), epsilon: epsilon)
    }

    /// A convolution of N × C × H × W by `name.weight` and `name.bias` where there is one.
    ///
    /// - Parameters:
    ///   - padding: as wide on all four sides.
    ///   - isDepthwise: each channel by itself.
    mutating func convolution(
        _ x: Value, _ name: String, stride: Int = 1, padding: Int = 0, isDepthwise: Bool = false
    ) throws -> Value {
        let weight = try parameter(name + ".weight")
        let bias = weights.has(name + ".bias") ? try parameter(name + ".bias") : nil
        return try graph.convolution(
            x, weight: weight, bias: bias, stride: (stride, stride),
            padding: (padding, padding, padding, padding),
            groups: isDepthwise ? graph.shape(weight).sizes[0] : 1)
    }

    /// GELU(x·W₁ + b₁)·W₂ + b₂ by `name.fc1` and `name.fc2`.
    mutating func feedForward(_ x: Value, _ name: String) throws -> Value {
        let hidden = try graph.unary(.gelu, linear(x, name + ".fc1"))
        return try linear(hidden, name + ".fc2")
    }

    /// 1 × C × H × W as 1 × H·W × C.
    mutating func tokens(_ x: Value) throws -> Value {
        let s = sizes(x)
        return try graph.transpose(graph.reshape(x, [s[0], s[1], s[2] * s[3]]), [0, 2, 1])
    }

    /// 1 × H·W × C as 1 × C × H × W.
    mutating func picture(_ x: Value, rows: Int, columns: Int) throws -> Value {
        let s = sizes(x)
        return try graph.reshape(graph.transpose(x, [0, 2, 1]), [s[0], s[2], rows, columns])
    }

    /// Queries, keys and values of 1 × N × C, each 1 × heads × N × width, by one layer that gives all three.
    mutating func queriesKeysValues(_ x: Value, _ name: String, heads: Int) throws -> (Value, Value, Value) {
        let all = try linear(x, name)
        return try splitHeads(all, parts: 3, heads: heads)
    }

    /// B × N × parts·C as `parts` tensors of B × heads × N × width.
    private mutating func splitHeads(_ all: Value, parts: Int, heads: Int) throws -> (Value, Value, Value) {
        let s = sizes(all)
        guard heads > 0, s[2] % (parts * heads) == 0 else { throw misshapen("qkv of \(heads) heads") }
        let width = s[2] / (parts * heads)
        let apart = try graph.transpose(
            graph.reshape(all, [s[0], s[1], parts, heads, width]), [2, 0, 3, 1, 4])
        return (
            try graph.select(apart, axis: 0, 0), try graph.select(apart, axis: 0, 1),
            try graph.select(apart, axis: 0, 2)
        )
    }

    /// B × heads × N × width as B × N × heads·width.
    mutating func joinHeads(_ x: Value) throws -> Value {
        let s = sizes(x)
        return try graph.reshape(graph.transpose(x, [0, 2, 1, 3]), [s[0], s[2], s[1] * s[3]])
    }

    func misshapen(_ what: String) -> VitvideoError {
        VitvideoError(
            .badData, cannot: "use", path: weights.checkpoint.path,
            reason: "\(what) has not the shape that it has in this model",
            nextStep: .advice("it is another model's, or a variant that is not known"))
    }
}
