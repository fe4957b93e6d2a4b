import Foundation

/// How maps came about, for whoever reads an export; the names are the keys of the JSON.
public struct MapProvenance: Encodable, Sendable {
    public let model: String
    public let weights_sha256: String
    public let layer: Int
    public let heads: [Int]
    public let patch: Int
    public let input_height: Int
    public let input_width: Int
    public let source_height: Int
    public let source_width: Int
    /// Size of a patch in pixels of the source.
    public let cell_height: Double
    public let cell_width: Double
    /// The version of the tool that wrote the export.
    public var version = ""

    public init(
        model: String, weights_sha256: String, layer: Int, heads: [Int], patch: Int, input_height: Int,
        input_width: Int, source_height: Int, source_width: Int, cell_height: Double, cell_width: Double
    ) {
        self.model = model
        self.weights_sha256 = weights_sha256
        self.layer = layer
        self.heads = heads
        self.patch = patch
        self.input_height = input_height
        self.input_width = input_width
        self.source_height = source_height
        self.source_width = source_width
        self.cell_height = cell_height
        self.cell_width = cell_width
    }

    /// - Throws: what `JSONEncoder` does.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
