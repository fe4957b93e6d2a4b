import Foundation

/// How maps came about, for whoever reads an export; the names in snake case are the keys of the JSON.
public struct MapProvenance: Encodable, Sendable {
    public let model: String
    public let weightsSha256: String
    public let layer: Int
    public let heads: [Int]
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

    public init(
        model: String, weightsSha256: String, layer: Int, heads: [Int], patch: Int, inputHeight: Int,
        inputWidth: Int, sourceHeight: Int, sourceWidth: Int, cellHeight: Double, cellWidth: Double
    ) {
        self.model = model
        self.weightsSha256 = weightsSha256
        self.layer = layer
        self.heads = heads
        self.patch = patch
        self.inputHeight = inputHeight
        self.inputWidth = inputWidth
        self.sourceHeight = sourceHeight
        self.sourceWidth = sourceWidth
        self.cellHeight = cellHeight
        self.cellWidth = cellWidth
    }

    /// - Throws: what `JSONEncoder` does.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
