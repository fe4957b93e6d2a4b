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

    /// Class tokens and their like, 1 × count × width.
    mutating func classTokens(_ name: String, width: Int) throws -> Value {
        let tokens = try parameter(name)
        let s = sizes(tokens)
        guard s.count == 3, s[0] == 1, s[1] > 0, s[2] == width else { throw misshapen(name) }
        return tokens
    }

    func misshapen(_ what: String) -> VitvideoError {
        VitvideoError(
            .badData, cannot: "use", path: weights.checkpoint.path,
            reason: "\(what) has not the shape that it has in this model",
            nextStep: .advice("it is another model's, or a variant that is not known"))
    }

    /// What the weights do not tell, and the published models' rules neither.
    func untold(_ what: String) -> VitvideoError {
        VitvideoError(
            .badData, cannot: "use", path: weights.checkpoint.path,
            reason: "nothing tells \(what)", nextStep: .advice("put timm's config.json beside it"))
    }
}

// MARK: Layers

extension ModelBuilder {
    /// x·Wᵀ + b over the last axis, by `name.weight`, out × in, and `name.bias`.
    ///
    /// - Parameter hasBias: whether it has b.
    mutating func linear(_ x: Value, _ name: String, hasBias: Bool = true) throws -> Value {
        try linear(x, name, bias: hasBias ? parameter(name + ".bias") : nil)
    }

    /// x·Wᵀ + b with a bias of another name.
    mutating func linear(_ x: Value, _ name: String, bias: Value?) throws -> Value {
        let weight = try parameter(name + ".weight")
        let inputs = sizes(x).last
        guard sizes(weight).count == 2, sizes(weight)[1] == inputs else {
            throw misshapen(name + ".weight")
        }
        let product = try graph.matmul(x, transposed: weight)
        guard let bias else { return product }
        guard sizes(bias) == [sizes(weight)[0]] else { throw misshapen(name + ".bias") }
        return try graph.add(product, bias)
    }

    /// LayerNorm over the last axis, by `name.weight` and `name.bias`.
    mutating func layerNorm(_ x: Value, _ name: String, epsilon: Float) throws -> Value {
        let (gamma, beta) = (try parameter(name + ".weight"), try parameter(name + ".bias"))
        let width = sizes(x).last
        guard sizes(gamma) == [width], sizes(beta) == [width] else { throw misshapen(name) }
        return try graph.layerNorm(x, gamma: gamma, beta: beta, epsilon: epsilon)
    }

    /// GELU(x·W₁ + b₁)·W₂ + b₂ by `name.fc1` and `name.fc2`.
    mutating func feedForward(_ x: Value, _ name: String) throws -> Value {
        let hidden = try graph.unary(.gelu, linear(x, name + ".fc1"))
        return try linear(hidden, name + ".fc2")
    }

    /// x + MLP(LayerNorm(x)) by `name.norm2` and `name.mlp`: the second half of a block.
    mutating func residualFeedForward(_ x: Value, _ name: String, epsilon: Float) throws -> Value {
        try graph.add(x, feedForward(layerNorm(x, name + ".norm2", epsilon: epsilon), name + ".mlp"))
    }
}

// MARK: Attention

extension ModelBuilder {
    /// B × N × parts·C as `parts` tensors of B × heads × N × width.
    ///
    /// - Parameter name: of the layer that they come from.
    mutating func split(_ all: Value, _ name: String, parts: Int, heads: Int) throws -> [Value] {
        let s = sizes(all)
        guard (1...max(s[2], 1)).contains(heads), s[2] > 0, s[2] % (parts * heads) == 0 else {
            throw VitvideoError(
                .badData, cannot: "use", path: weights.checkpoint.path,
                reason: "the \(s[2]) values of \(quoted(name)) do not make \(heads) heads")
        }
        let width = s[2] / (parts * heads)
        let apart = try graph.transpose(
            graph.reshape(all, [s[0], s[1], parts, heads, width]), [2, 0, 3, 1, 4])
        return try (0..<parts).map { try graph.select(apart, axis: 0, $0) }
    }

    /// The same of B × N × C by a layer. Those of queries, keys and values have no bias in some models.
    mutating func split(_ x: Value, by name: String, parts: Int, heads: Int) throws -> [Value] {
        let kind = name[(name.lastIndex(of: ".") ?? name.startIndex)...]
        let all = try linear(x, name, hasBias: weights.hasAny(endingIn: kind + ".bias"))
        return try split(all, name, parts: parts, heads: heads)
    }

    /// Queries, keys and values by one layer.
    mutating func queriesKeysValues(_ x: Value, _ name: String, heads: Int) throws -> (Value, Value, Value) {
        let parts = try split(x, by: name, parts: 3, heads: heads)
        return (parts[0], parts[1], parts[2])
    }

    /// q·kᵀ / √width, B × heads × queries × keys.
    mutating func scores(_ q: Value, _ k: Value) throws -> Value {
        try graph.matmul(q, transposed: k, scale: 1 / Float(sizes(q)[3]).squareRoot())
    }

    /// What attention makes of values, its heads one after the other: B × queries × heads·width.
    mutating func weighted(_ v: Value, by attention: Value) throws -> Value {
        let x = try graph.matmul(attention, v)
        let s = sizes(x)
        return try graph.reshape(graph.transpose(x, [0, 2, 1, 3]), [s[0], s[2], s[1] * s[3]])
    }
}

// MARK: Classes

extension ModelBuilder {
    /// What the class is read from, of 1 × N × C: the first token or the mean of those that are parts of the picture, 1 × C.
    ///
    /// - Parameters:
    ///   - prefix: tokens that are no part of the picture.
    ///   - published: which of both in the published models; the constructor may have been told another.
    mutating func pooled(_ x: Value, prefix: Int, _ published: Pooling) throws -> Value {
        let s = sizes(x)
        let told = weights.argument("global_pool")?.string ?? ""
        let pooling = told.isEmpty ? published : Pooling(rawValue: told)
        switch pooling {
        case .token? where prefix > 0: return try graph.select(x, axis: 1, 0)
        case .mean?:
            let patches = try graph.slice(x, axis: 1, from: prefix, count: s[1] - prefix)
            return try graph.reshape(graph.reduce(.mean, patches, axes: [1]), [s[0], s[2]])
        default:
            throw VitvideoError(
                .usage, cannot: "use", path: weights.checkpoint.path,
                reason:
                    "its features are pooled by \(quoted(pooling?.rawValue ?? told)), which is not computed here"
            )
        }
    }

    /// As timm calls it.
    enum Pooling: String {
        case token
        case mean = "avg"
    }

    /// Classes' logits of features by `head`, which timm calls `head.fc` in some models since 0.9; the features where there is
    /// neither.
    mutating func classes(_ x: Value) throws -> Value {
        for head in ["head.fc", "head"] where weights.hasLayer(head) { return try linear(x, head) }
        return x
    }
}
