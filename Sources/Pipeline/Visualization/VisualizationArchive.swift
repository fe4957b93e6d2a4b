import Methods
import NumPy
import Probing
import VideoIO

/// The pictures and their numbers as a NumPy archive:
///
/// - `picture`: float32 [pictures, 3, height, width] in [0, 1]; `activation`: [pictures], of each as it is
/// - `objective`, `step_activation`, `total_variation`: [pictures, steps], of the augmented copies; NaN where a picture
///   was ended before
/// - `meta`: JSON with all that is needed to make them again
package final class VisualizationArchive: VisualizationOutput {
    private let path: String
    private let writer: NPZWriter
    private let steps: Int
    private let meta: Provenance
    private let pictures: NPZArrayWriter
    private let activations: NPZArrayWriter
    private let curves: [(array: NPZArrayWriter, value: (VisualizationStep) -> Float)]

    /// - Parameters:
    ///   - steps: of each picture.
    ///   - height, width: of each picture.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package init(
        path: String, overwrite: Bool, steps: Int, height: Int, width: Int, meta: Provenance
    ) throws {
        self.path = path
        self.steps = steps
        self.meta = meta
        let writer = try NPZWriter(path, overwrite: overwrite)
        self.writer = writer
        func array(_ name: String, _ shape: [Int]) throws -> NPZArrayWriter {
            try writer.array(named: name, element: .float32, rowShape: shape)
        }
        pictures = try array("picture", [3, height, width])
        activations = try array("activation", [])
        curves = [
            (try array("objective", [steps]), \.objective),
            (try array("step_activation", [steps]), \.activation),
            (try array("total_variation", [steps]), \.totalVariation),
        ]
    }

    package var temporaryPaths: [String] { [writer.temporaryPath] }

    package func add(_ feature: VisualizedFeature, unit: Int) throws {
        try pictures.append(feature.picture)
        try activations.append([feature.activation])
        for (array, value) in curves {
            let missing = [Float](repeating: .nan, count: steps - feature.steps.count)
            try array.append(feature.steps.map(value) + missing)
        }
    }

    package func finish() throws { try finish(as: nil) }

    package func finishPartial() throws -> String? {
        let name = OutputFormat.partialName(of: path)
        try finish(as: name)
        return name
    }

    package func abandon() { writer.abandon() }

    private func finish(as name: String?) throws {
        try writer.add("meta", text: try meta.json())
        try writer.finish(as: name)
    }
}
