import Pixels
import Probing
import ViT

/// What reaches the class token of which patch through all blocks (Abnar & Zuidema 2020).
package struct RolloutMaps: ForwardMapSource {
    package let probed: ProbedModel
    package let engine: Engine
    package let options: RolloutOptions

    /// - Parameter engine: of the probed model.
    package init(_ probed: ProbedModel, engine: Engine, options: RolloutOptions) {
        self.probed = probed
        self.engine = engine
        self.options = options
    }

    package var method: ProbingMethod { .rollout }
    package var summary: String { fusedName }
    package var arrays: [MapArray] { [MapArray("rollout", .fused)] }
    package var partNames: [String] { [] }
    package var fusedName: String { "rollout" + options.caption }

    package func describe(in provenance: inout MapProvenance) { provenance.add(options) }

    package func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        try options.reserveMemory(
            for: probed, on: try layout(height: height, width: width), workers: workers, from: &availableBytes
        )
    }

    package func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let rollout = Rollout(pass: try ForwardPass(engine: engine, threads: threads), options: options)
        let preprocessor = probed.preprocessor
        let request = probed.classifying(ForwardRequest(attentionBlocks: []))
        return { [probed] image in
            let (map, result) = try rollout.run(try preprocessor.patches(of: image), request)
            return FrameMaps(parts: [], fused: map, prediction: probed.prediction(result))
        }
    }
}

extension RolloutOptions {
    /// What departs from the definition, to be put behind the method's name: ", max, discard 0.9".
    var caption: String {
        (headFusion == .mean ? "" : ", \(headFusion.rawValue)")
            + (discardRatio == 0 ? "" : ", discard \(discardRatio)")
            + (compatibility == .standard ? "" : ", \(compatibility.rawValue)")
    }

    /// Takes what rollout needs off the memory there is.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    func reserveMemory(
        for probed: ProbedModel, on layout: InputLayout, isGradient: Bool = false, workers: Int,
        from availableBytes: inout Int?
    ) throws {
        guard let available = availableBytes else { return }
        try RolloutMemory.check(
            probed.configuration, rows: layout.rows, columns: layout.columns, options: self,
            isGradient: isGradient, workers: workers, availableBytes: available)
        let needed = RolloutMemory.bytes(
            probed.configuration, rows: layout.rows, columns: layout.columns, options: self,
            isGradient: isGradient)
        availableBytes = available - workers * needed
    }
}
