import Archives
import Methods
import Probing
import VideoIO

/// The pictures and their numbers as an archive, of the format that its name tells; float32 or float16:
///
/// - `picture`: [pictures, 3, height, width] in [0, 1]; `activation`: [pictures], of each as it is
/// - `objective`, `step_activation`, `total_variation`: [pictures, steps], of the augmented copies; NaN where a picture
///   was ended before
/// - `meta`: JSON with all that is needed to make them again
package final class VisualizationArchive: VisualizationOutput {
    private let archive: any ArrayArchive
    private let steps: Int
    private let meta: Provenance
    private let pictures: GrowingArray
    private let activations: GrowingArray
    private let curves: [(array: GrowingArray, value: (VisualizationStep) -> Float)]

    /// - Parameters:
    ///   - steps: of each picture.
    ///   - height, width: of each picture.
    ///   - number: of all arrays, float32 or float16.
    ///   - onOverflow: called once for each array that holds what float16 does not.
    /// - Throws: `VitvideoError` of kind `cannotCreate`, or `usage` where the name is of no format.
    package init(
        path: String, overwrite: Bool, steps: Int, height: Int, width: Int, meta: Provenance,
        number: ArchiveNumber = .float32, onOverflow: @escaping (ArrayOverflow) -> Void = { _ in }
    ) throws {
        self.steps = steps
        self.meta = meta
        let archive = try ArchiveFormat.create(path, overwrite: overwrite)
        self.archive = archive
        func array(_ name: String, _ axes: [String], _ shape: [Int]) throws -> GrowingArray {
            // Each picture is a unit's; "picture" is the array.
            let array = ArchivedArray(name, number.element, dimensions: ["unit"] + axes, rowShape: shape)
            return try archive.array(array, onOverflow: onOverflow)
        }
        do {
            pictures = try array("picture", ["channel", "row", "col"], [3, height, width])
            activations = try array("activation", [], [])
            curves = [
                (try array("objective", ["step"], [steps]), \.objective),
                (try array("step_activation", ["step"], [steps]), \.activation),
                (try array("total_variation", ["step"], [steps]), \.totalVariation),
            ]
        } catch {
            archive.abandon()
            throw error
        }
    }

    package var temporaryPaths: [String] { [archive.temporaryPath] }

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
        let name = OutputFormat.partialName(of: archive.path)
        try finish(as: name)
        return name
    }

    package func abandon() { archive.abandon() }

    private func finish(as name: String?) throws {
        try archive.add("meta", text: try meta.json())
        try archive.finish(as: name)
    }
}
