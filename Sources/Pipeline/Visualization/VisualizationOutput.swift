import Pixels
import Probing
import ViT

/// A unit that a picture is made for.
package struct VisualizedUnit: Sendable {
    /// For captions and tables: `5:120`.
    package let name: String
    package let target: ActivationTarget
    /// Its layer, where it belongs to one: a progression has a row for each.
    package let layer: Int?

    package init(name: String, target: ActivationTarget, layer: Int?) {
        self.name = name
        self.target = target
        self.layer = layer
    }
}

/// What a `VisualizationJob` writes to.
package protocol VisualizationOutput: AnyObject {
    /// Unfinished files, to remove where the process ends at once.
    var temporaryPaths: [String] { get }

    /// Called after each step.
    ///
    /// - Parameters:
    ///   - picture: as it is then, `3 × height × width`.
    ///   - unit: its place among the job's.
    func add(_ step: VisualizationStep, picture: [Float], unit: Int) throws

    /// Called once a unit's picture is done, or as far as it came.
    func add(_ feature: VisualizedFeature, unit: Int) throws

    /// Completes the output and gives it its name.
    func finish() throws

    /// Completes what there is under a name that says so; nil where there is nothing.
    func finishPartial() throws -> String?

    /// Removes what was written.
    func abandon()
}

extension VisualizationOutput {
    package func add(_ step: VisualizationStep, picture: [Float], unit: Int) throws {}
    package func add(_ feature: VisualizedFeature, unit: Int) throws {}
}

extension VisualizedFeature {
    /// The picture to the nearest of 256 levels.
    package var image: RGBImage { RGBImage(planes: picture, height: height, width: width) }
}

extension RGBImage {
    /// A picture of `3 × height × width` values in [0, 1], to the nearest of 256 levels.
    init(planes: [Float], height: Int, width: Int) {
        self.init(planes: planes, height: height, width: width) { value, _ in value * 255 }
    }
}
