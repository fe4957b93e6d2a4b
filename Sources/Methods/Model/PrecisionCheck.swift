import Base
import Pixels
import Probing
import ViT

/// How far a coarser precision takes a model's attention from what it is in 32-bit floats, measured on a picture:
/// some models keep theirs in 8-bit integers and some do not, and weights alone do not tell.
package struct PrecisionCheck: Sendable {
    /// Mean difference of the heatmaps of the class token's attention in the last block, the heads' mean, each map
    /// scaled to 0…255.
    package let meanDifference: Double

    /// What a heatmap may differ by and still show the same.
    package static let limit = 2.0

    package init(meanDifference: Double) { self.meanDifference = meanDifference }

    /// - Parameters:
    ///   - reference: the same model in 32-bit floats.
    ///   - threads: that share the picture.
    /// - Throws: `VitvideoError`.
    package init(
        _ probed: ProbedModel, engine: Engine, reference: Engine, on image: RGBImage, threads: Int
    ) throws {
        let maps = try [engine, reference].map { engine in
            let extract = try AttentionMaps(probed, engine: engine).makeExtractor(threads: threads)
            return PrecisionCheck.heat(of: try extract(image).fused)
        }
        let differences = zip(maps[0], maps[1]).map { abs($0 - $1) }
        meanDifference = differences.reduce(0, +) / Double(max(1, differences.count))
    }

    /// - Throws: `VitvideoError` of kind `usage` where the difference is beyond the limit.
    package func verify(_ engine: Engine) throws {
        // Not a number is beyond it too.
        guard meanDifference <= Self.limit else {
            throw VitvideoError(
                .usage,
                reason: "in \(engine.precision.rawValue) the attention of \(engine.model.name) is off by "
                    + "\(text) of 255 on the first frame, more than \(Int(Self.limit)): "
                    + "the model does not bear it",
                nextStep: .usePrecision(["bf16", "fp32"]))
        }
    }

    /// The difference in a few digits.
    package var text: String { String((meanDifference * 100).rounded() / 100) }

    private static func heat(of map: Plane) -> [Double] {
        let (low, high) = (map.values.min() ?? 0, map.values.max() ?? 0)
        return map.values.map { high > low ? Double(($0 - low) / (high - low)) * 255 : 0 }
    }
}
