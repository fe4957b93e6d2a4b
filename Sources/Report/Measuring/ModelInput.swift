import Pixels
import ViT

/// A picture as a model is given it, and as it looks then.
struct ModelInput {
    let patches: PatchMatrix
    /// The normalized input turned back into a picture, `rows·patch × columns·patch`: resized and cropped to whole
    /// patches.
    let picture: RGBImage

    /// - Throws: `VitvideoError.inputTooSmall`.
    init(_ image: RGBImage, _ preprocessor: Preprocessor) throws {
        let layout = try preprocessor.layout(height: image.height, width: image.width)
        let planes = try preprocessor.normalizedPlanes(of: image)
        patches = preprocessor.patches(ofPlanes: planes, rows: layout.rows, columns: layout.columns)
        picture = Self.denormalized(
            planes, height: layout.rows * preprocessor.patchSize,
            width: layout.columns * preprocessor.patchSize, preprocessor.normalization)
    }

    /// - Parameter planes: `3 × height × width`.
    static func denormalized(
        _ planes: [Float], height: Int, width: Int, _ normalization: Normalization
    ) -> RGBImage {
        let (mean, deviation) = (normalization.mean, normalization.deviation)
        return RGBImage(planes: planes, height: height, width: width) { value, channel in
            (value * deviation[channel] + mean[channel]) * 255
        }
    }
}
