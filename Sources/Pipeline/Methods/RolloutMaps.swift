import Pixels
import Probing
import ViT

/// What reaches the class token of which patch through all blocks (Abnar & Zuidema 2020).
public struct RolloutMaps: ForwardMapSource {
    public let probed: ProbedModel
    public let engine: Engine
    public let options: RolloutOptions

    /// - Parameter engine: of the probed model.
    public init(_ probed: ProbedModel, engine: Engine, options: RolloutOptions) {
        self.probed = probed
        self.engine = engine
        self.options = options
    }

    public var method: ProbingMethod { .rollout }
    public var summary: String { fusedName }
    public var arrays: [MapArray] { [MapArray("rollout", .fused)] }
    public var partNames: [String] { [] }
    public var fusedName: String { "rollout" + options.caption }

    public func describe(in provenance: inout MapProvenance) { provenance.add(options) }

    public func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        try options.reserveMemory(
            for: probed, on: try layout(height: height, width: width), workers: workers, from: &availableBytes
        )
    }

    public func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
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
    /// - Throws: `ProbingError` of kind `memory`.
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
