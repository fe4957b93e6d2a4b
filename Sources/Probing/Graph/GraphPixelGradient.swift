import Base
import Graph
import ViT

/// The gradient of a neuron, or of a class's logit, of a transformer of any build with respect to the pixels.
package final class GraphPixelGradient: PixelDifferentiator {
    private let gradient: GraphGradient
    private let start: GraphGradient.Start

    /// Bytes that one takes.
    ///
    /// - Throws: as `init`.
    package static func memoryBytes(_ instance: GraphInstance, target: ActivationTarget) throws -> Int {
        let start = try start(of: target, instance)
        let plan = GraphPlan(instance.graph.upTo(start.value), keepsAll: true)
        return GraphGradient.memoryBytes(plan, start: [start.value], wanted: [instance.graph.picture])
    }

    /// - Parameter target: a neuron, as the mean over the patches, or a logit.
    /// - Throws: `VitvideoError` of kind `usage` for another target, and for one that the model does not have; `unavailable`
    ///   where memory is not to be had.
    package init(_ instance: GraphInstance, target: ActivationTarget) throws {
        let graph = instance.graph
        start = try Self.start(of: target, instance)
        gradient = try GraphGradient(
            GraphPlan(graph.upTo(start.value), keepsAll: true), start: [start.value], wanted: [graph.picture],
            GraphContext())
    }

    /// Where the backward pass begins.
    private static func start(of target: ActivationTarget, _ instance: GraphInstance) throws
        -> GraphGradient.Start
    {
        let graph = instance.graph
        switch target {
        case .neuron(let address):
            guard instance.tokens.neurons.indices.contains(address.block),
                let tensor = instance.tokens.neurons[address.block], address.index < tensor.width
            else {
                throw VitvideoError(.usage, reason: "there is no neuron \(address)")
            }
            return GraphGradient.Start(
                tensor.value,
                tensor.gradient(
                    1 / Float(tensor.grid.rows * tensor.grid.columns), atChannel: address.index,
                    count: graph.shape(tensor.value).count))
        case .logit(let index):
            guard let output = graph.output, index < instance.classes else {
                throw VitvideoError.noSuchClass(index, classes: instance.classes)
            }
            return GraphGradient.Start(output, (0..<instance.classes).map { $0 == index ? 1 : 0 })
        case .channels, .classToken:
            throw VitvideoError(.usage, reason: "of this model only neurons and logits are made large")
        }
    }

    package func value(of planes: [Float]) throws -> Float {
        _ = gradient.pass.picture.update(fromContentsOf: planes)
        try gradient.pass.run()
        let value = gradient.pass.withValues(start.value) { values in
            zip(values, start.gradient).reduce(Float(0)) { $1.1 == 0 ? $0 : $0 + $1.0 * $1.1 }
        }
        guard value.isFinite else { throw VitvideoError.notFinite(in: "the activation") }
        return value
    }

    package func run(_ planes: [Float]) throws -> PixelGradient.Result {
        let value = try value(of: planes)
        try gradient.run([start])
        let pixels = gradient.withGradient(gradient.pass.plan.graph.picture) { Array($0) }
        guard pixels.allSatisfy(\.isFinite) else { throw VitvideoError.notFinite(in: "the gradient") }
        return PixelGradient.Result(value: value, gradient: pixels)
    }
}
