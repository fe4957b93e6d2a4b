/// What tokens are between a model's layers, and what its feed-forward parts make of them on the way.
package struct TokenStream: Sendable {
    /// What comes out of each layer: the last sum of the residual stream before the next one's attention; nil where there is
    /// none on a grid.
    package let layers: [TokenTensor?]
    /// The hidden values of each layer's feed-forward part, after the activation; nil where there is none.
    package let neurons: [TokenTensor?]
    /// The tokens after the norm that follows the last layer; nil where there is none.
    package let normalized: TokenTensor?

    init(_ placed: PlacedGraph, attention: [AttentionMatrix]) {
        let graph = placed.graph
        func tensor(_ value: Value) -> TokenTensor? {
            placed[value].flatMap { TokenTensor(value, shape: graph.shape(value), places: $0) }
        }
        /// The first step that multiplies by each matrix.
        let products = attention.map { matrix in
            graph.nodes.firstIndex { $0.operation is MatMul && $0.inputs.contains(matrix.value) } ?? 0
        }
        var sums = [[Value]](repeating: [], count: attention.count)
        var activations = sums
        var layer = -1
        for (index, node) in graph.nodes.enumerated() {
            while layer + 1 < products.count, products[layer + 1] <= index { layer += 1 }
            guard layer >= 0 else { continue }
            if let sum = node.operation as? Binary, sum.function == .add,
                node.inputs.allSatisfy({ graph.parameter($0) == nil })
            {
                sums[layer].append(node.output)
            } else if let unary = node.operation as? Unary, unary.function.isActivation {
                activations[layer].append(node.output)
            }
        }
        /// The last of some that holds tokens.
        func lastTokens(_ values: [Value]) -> TokenTensor? { values.reversed().lazy.compactMap(tensor).first }
        layers = sums.map(lastTokens)
        neurons = activations.map(lastTokens)
        let last = layers.last.flatMap { $0 }?.value
        normalized = graph.nodes.first { node in
            node.operation is LayerNorm && node.inputs[0] == last && tensor(node.output) != nil
        }.flatMap { tensor($0.output) }
    }
}

extension UnaryFunction {
    /// Whether neurons fire by it.
    fileprivate var isActivation: Bool {
        switch self {
        case .gelu, .logistic, .relu, .leakyRelu, .elu, .hardSwish: true
        default: false
        }
    }
}
