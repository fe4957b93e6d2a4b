import Pixels
import Probing
import ViT

/// Carries the heat of a recorded picture to a model's patch grid.
package enum RecordedMap {
    /// A recording smaller than the frame by less than this in both directions was cropped, not scaled: DINO's
    /// and probing-vits' scripts crop the frame to whole patches, at the right and at the bottom.
    private static let cropLimit = 32

    /// The mean heat under each patch. What lies right of the grid or below it does not count.
    ///
    /// - Parameters:
    ///   - heat: a recording's heat, `height × width` of its picture.
    ///   - grid: the patch grid on frames of `frameHeight × frameWidth`.
    package static func resample(
        _ heat: Plane, to grid: InputLayout, frameHeight: Int, frameWidth: Int
    ) -> Plane {
        let isCropped =
            (0..<cropLimit).contains(frameHeight - heat.height)
            && (0..<cropLimit).contains(frameWidth - heat.width)
        let vertical = isCropped ? 1 : Double(heat.height) / Double(frameHeight)
        let horizontal = isCropped ? 1 : Double(heat.width) / Double(frameWidth)
        return AreaAverage.resample(
            heat, rows: grid.rows, columns: grid.columns,
            height: Double(grid.rows) * grid.cellHeight * vertical,
            width: Double(grid.columns) * grid.cellWidth * horizontal)
    }
}
