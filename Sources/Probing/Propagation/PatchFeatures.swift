import ViT

/// The features of a frame's patches, each of length 1.
package struct PatchFeatures: Sendable {
    package let rows: Int
    package let columns: Int
    /// Values of a patch, D.
    package let width: Int
    /// `rows · columns × D`.
    package let values: [Float]

    /// - Parameter values: `rows · columns × D`, of any length; each patch is divided by its own, at least 1e-12.
    package init(rows: Int, columns: Int, width: Int, normalizing values: some Collection<Float>) {
        precondition(values.count == rows * columns * width, "features cover the grid")
        self.rows = rows
        self.columns = columns
        self.width = width
        var normalized = Array(values)
        normalized.withUnsafeMutableBufferPointer { values in
            for patch in 0..<rows * columns {
                let start = values.baseAddress! + patch * width
                var sum: Float = 0
                for i in 0..<width { sum += start[i] * start[i] }
                let factor = 1 / max(sum.squareRoot(), 1e-12)
                for i in 0..<width { start[i] *= factor }
            }
        }
        self.values = normalized
    }

    /// The patches of a pass that was asked for tokens.
    package init(_ result: ForwardResult, of configuration: Configuration, rows: Int, columns: Int) {
        self.init(
            rows: rows, columns: columns, width: configuration.width,
            normalizing: result.tokens.dropFirst(configuration.specialTokens * configuration.width))
    }
}
