import Base
import Graph
import Pixels
import Probing
import ViT

/// The values of neurons of the feed-forward parts at each patch, after the activation, of a transformer of any build.
struct GraphNeuronMaps: GraphMapSource {
    let probed: ProbedGraph
    private let neurons: [NeuronAddress]

    /// - Throws: `VitvideoError` of kind `usage` for neurons that the model does not have.
    init(_ request: GraphRequest) throws {
        probed = request.model
        neurons = try request.instance().neurons(
            request.settings[MethodOptions.neuron] ?? "", of: probed.name)
    }

    var method: Method { .neuron }
    var summary: String { neurons.count == 1 ? "neuron \(neurons[0])" : "\(neurons.count) neurons" }
    var arrays: [MapArray] { [MapArray("neuron", .parts(count: neurons.count))] }
    var partNames: [String] { neurons.map { "neuron \($0)" } }
    var fusedName: String { "mean" }

    func describe(in provenance: inout Provenance) {
        provenance["neurons"] = .texts(neurons.map(\.description))
    }

    func grid(of instance: GraphInstance) -> (rows: Int, columns: Int) {
        let grids = neurons.compactMap { instance.tokens.neurons[$0.block]?.grid }
        return (grids.map(\.rows).max() ?? 1, grids.map(\.columns).max() ?? 1)
    }

    private func values(_ instance: GraphInstance) -> [Value] {
        Set(neurons.map(\.block)).sorted().compactMap { instance.tokens.neurons[$0]?.value }
    }

    func memoryBytes(_ instance: GraphInstance) -> Int {
        GraphPlan(instance.graph, keeping: values(instance)).memoryBytes
    }

    func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let looker = try GraphLooker(probed, threads: threads) { [self] in values($0) }
        return { [self] image in
            let (instance, pass) = try looker.look(at: image)
            let grid = grid(of: instance)
            let maps = neurons.compactMap { neuron in
                instance.tokens.neurons[neuron.block].map { tensor in
                    Plane(
                        height: tensor.grid.rows, width: tensor.grid.columns,
                        values: pass.withValues(tensor.value) { tensor.channel(neuron.index, of: $0) }
                    ).spread(rows: grid.rows, columns: grid.columns)
                }
            }
            return FrameMaps(
                parts: maps, fused: HeadFusion.mean.fuse(maps), prediction: probed.prediction(pass.output))
        }
    }
}

extension GraphInstance {
    /// The neurons that a list names, as `NeuronAddress.list` reads it.
    ///
    /// - Parameter name: what to call the model.
    /// - Throws: `VitvideoError` of kind `usage` for neurons that it does not have.
    package func neurons(_ list: String, of name: String) throws -> [NeuronAddress] {
        let addresses = try NeuronAddress.list(list, depth: attention.count) { [tokens] block in
            NeuronAddress.Units(name: "neuron", count: tokens.neurons[block]?.width ?? 0)
        }
        if let none = addresses.first(where: { tokens.neurons[$0.block] == nil }) {
            throw VitvideoError(.usage, reason: "layer \(none.block) of \(name) has no neurons on a grid")
        }
        return addresses
    }
}
