import Foundation
import Probing
import ViT

/// How maps came about, for whoever reads an export; the names in snake case are the keys of the JSON. What a
/// method does not have is left out.
package struct MapProvenance: Encodable, Sendable {
    package let model: String
    package let weightsSha256: String
    package let method: String
    package let patch: Int
    package let inputHeight: Int
    package let inputWidth: Int
    package let sourceHeight: Int
    package let sourceWidth: Int
    /// Size of a patch in pixels of the source.
    package let cellHeight: Double
    package let cellWidth: Double
    /// The version of the tool that wrote the export.
    package var version = ""

    /// The block, 0-based.
    package var layer: Int?
    package var heads: [Int]?
    /// How heads were fused for the maps of layers.
    package var fusion: String?
    /// The token whose attention it is, as `Query` writes it.
    package var query: String?
    /// The channel of a head, 0-based.
    package var channel: Int?
    package var headFusion: String?
    package var discardRatio: Double?
    package var compat: String?
    /// The class by its index, or "top": then the array `class` says which it was in each frame.
    package var `class`: String?
    package var className: String?
    /// Share of the variance that each principal component explains.
    package var explained: [Double]?
    /// How many frames the principal components were fitted on.
    package var fittedFrames: Int?

    /// - Parameters:
    ///   - layout: where the model's patches lie on the source's frames.
    ///   - sourceHeight: of the frames in pixels.
    init(
        _ model: Model, method: ProbingMethod, layout: InputLayout, sourceHeight: Int, sourceWidth: Int
    ) {
        self.model = model.name
        weightsSha256 = model.weightsHash
        self.method = method.rawValue
        patch = model.configuration.patchSize
        inputHeight = layout.rows * patch
        inputWidth = layout.columns * patch
        self.sourceHeight = sourceHeight
        self.sourceWidth = sourceWidth
        cellHeight = layout.cellHeight
        cellWidth = layout.cellWidth
    }

    /// Adds the options of rollout.
    mutating func add(_ options: RolloutOptions) {
        headFusion = options.headFusion.rawValue
        discardRatio = options.discardRatio
        compat = options.compatibility.rawValue
    }

    /// - Throws: what `JSONEncoder` does.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
