import Base
import Pixels
import Probing
import ViT

extension Method {
    /// Where neurons of the feed-forward parts fire.
    package static let neuron = Method(
        name: "neuron", title: "neuron activation", summary: "where neurons of the feed-forward layers fire",
        options: [
            MethodOptionUse(
                MethodOptions.neuron,
                "the neurons, as LAYER:NEURON; 5:100-110 for several, 8:*:16 for sixteen spread over layer 8, and "
                    + "lists of these")
        ],
        arrays: [ArrayDescription("neuron", ["neurons", "rows", "cols"], note: "after the activation")],
        standardScale: .clip, ofGraph: { try GraphNeuronMaps($0) },
        validate: { settings in
            guard settings[MethodOptions.neuron] == nil else { return }
            throw VitvideoError(.usage, reason: "no neuron is named", nextStep: .nameNeuron)
        }
    ) { request in
        try NeuronMaps(
            request.model, engine: try request.makeEngine(),
            neurons: NeuronAddress.list(
                request.settings[MethodOptions.neuron] ?? "", of: request.model.configuration))
    }
}

/// The values of neurons of the feed-forward parts at each patch, after the activation; for SwiGLU of the gated product.
package struct NeuronMaps: ForwardMapSource {
    package let probed: ProbedModel
    package let engine: Engine
    package let neurons: [NeuronAddress]

    /// - Parameters:
    ///   - engine: of the probed model.
    ///   - neurons: at least one, of the model.
    package init(_ probed: ProbedModel, engine: Engine, neurons: [NeuronAddress]) {
        self.probed = probed
        self.engine = engine
        self.neurons = neurons
    }

    package var method: Method { .neuron }
    package var summary: String {
        neurons.count == 1 ? "neuron \(neurons[0])" : "\(neurons.count) neurons from \(neurons[0])"
    }
    package var arrays: [MapArray] { [MapArray("neuron", .parts(count: neurons.count))] }
    package var partNames: [String] { neurons.map { "neuron \($0)" } }
    package var fusedName: String { neurons.count == 1 ? "neuron \(neurons[0])" : "mean" }

    /// One neuron's map is the fused one.
    package var showsFused: Bool { neurons.count > 1 }

    package func describe(in provenance: inout Provenance) {
        provenance["neurons"] = .texts(neurons.map(\.description))
    }

    package func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads)
        let preprocessor = probed.preprocessor
        var request = probed.classifying(ForwardRequest(attentionBlocks: []))
        request.neurons = neurons
        return { [probed] image in
            let input = try preprocessor.patches(of: image)
            let result = try pass.run(input, request)
            let parts = result.neurons.map {
                Plane(height: input.rows, width: input.columns, values: $0)
            }
            return FrameMaps(
                parts: parts, fused: HeadFusion.mean.fuse(parts), prediction: probed.prediction(result))
        }
    }
}
