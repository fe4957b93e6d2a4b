import Foundation
import Probing
import ViT

/// How maps came about, for whoever reads an export; the names in snake case are the keys of the JSON. What a
/// method does not have is left out.
public struct MapProvenance: Encodable, Sendable {
    public let model: String
    public let weightsSha256: String
    public let method: String
    public let patch: Int
    public let inputHeight: Int
    public let inputWidth: Int
    public let sourceHeight: Int
    public let sourceWidth: Int
    /// Size of a patch in pixels of the source.
    public let cellHeight: Double
    public let cellWidth: Double
    /// The version of the tool that wrote the export.
    public var version = ""

    /// The block, 0-based.
    public var layer: Int?
    public var heads: [Int]?
    /// How heads were fused for the maps of layers.
    public var fusion: String?
    /// The token whose attention it is, as `Query` writes it.
    public var query: String?
    /// The channel of a head, 0-based.
    public var channel: Int?
    public var headFusion: String?
    public var discardRatio: Double?
    public var compat: String?
    /// The class by its index, or "top": then the array `class` says which it was in each frame.
    public var `class`: String?
    public var className: String?
    /// Share of the variance that each principal component explains.
    public var explained: [Double]?
    /// How many frames the principal components were fitted on.
    public var fittedFrames: Int?

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
