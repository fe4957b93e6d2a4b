import Base
import Pixels
import ViT

/// What a model is shown of the frames of a clip whose labels are propagated.
///
/// DINO's script makes the short side 480 pixels and the long one, in proportion, down to a multiple of 64, with OpenCV's
/// bilinear filter. DINOv3's notebook makes the short side 960 pixels and both sides up to a multiple of the patch, with
/// Pillow's bicubic one. The aspect changes a little. Where a patch does not divide the script's sizes, as DINOv2's 14,
/// both sides are down to a multiple of it.
package struct PropagationInput: Sendable {
    /// In pixels, whole patches.
    package let height: Int
    package let width: Int
    package let rows: Int
    package let columns: Int
    package let normalization: Normalization
    private let resize: Resize
    private let preprocessor: Preprocessor

    /// The short side where nobody says, in pixels.
    package static func standardShortSide(_ recipe: PropagationSettings.Recipe) -> Int {
        recipe == .dino ? 480 : 960
    }

    /// - Parameters:
    ///   - resolution: nil for the recipe's own.
    ///   - keepsNormalization: whether the script's first deviation, .228 in place of .229, is left out.
    /// - Throws: `VitvideoError.inputTooSmall`.
    package init(
        _ recipe: PropagationSettings.Recipe, of configuration: Configuration, frameHeight: Int,
        frameWidth: Int, resolution: Resolution?, keepsNormalization: Bool
    ) throws {
        let patch = configuration.patchSize
        let (short, long) = (min(frameHeight, frameWidth), max(frameHeight, frameWidth))
        let isLandscape = frameHeight <= frameWidth
        func down(_ side: Int, to multiple: Int) -> Int { side / multiple * multiple }
        func up(_ side: Int, to multiple: Int) -> Int { (side + multiple - 1) / multiple * multiple }

        var side = Self.standardShortSide(recipe)
        if case .shortSide(let given) = resolution { side = given }
        let sides: (short: Int, long: Int)
        switch (resolution, recipe) {
        case (.native, _): sides = (down(short, to: patch), down(long, to: patch))
        case (_, .dino):
            sides = Self.scriptSides(side, short: short, long: long, patch: patch)
        case (_, .dinov3):
            let side = up(side, to: patch)
            sides = (side, up((long * side + short - 1) / short, to: patch))
        }
        (height, width) = isLandscape ? (sides.short, sides.long) : (sides.long, sides.short)
        guard height > 0, width > 0 else {
            throw VitvideoError.inputTooSmall(height: height, width: width, patchSize: patch)
        }
        (rows, columns) = (height / patch, width / patch)
        let isScript = recipe == .dino && configuration.normalization == .imageNet && !keepsNormalization
        normalization = isScript ? Self.scriptNormalization : configuration.normalization
        resize = Resize(
            from: (frameHeight, frameWidth), to: (height, width),
            recipe == .dino ? .plainBilinear : .antialiasedBicubic)
        preprocessor = Preprocessor(configuration: configuration, resolution: .native)
    }

    /// ImageNet's statistics as the script writes them.
    private static let scriptNormalization = Normalization(
        mean: Normalization.imageNet.mean, deviation: [0.228, 0.224, 0.225])

    private static func scriptSides(
        _ side: Int, short: Int, long: Int, patch: Int
    ) -> (short: Int, long: Int) {
        let side = side / patch * patch
        let proportional = side * long / short
        let multiple = 64 % patch == 0 && proportional >= 64 ? 64 : patch
        return (side, proportional / multiple * multiple)
    }

    /// The model's input.
    ///
    /// - Precondition: the frame has the size given.
    package func patches(of frame: RGBImage) -> PatchMatrix {
        let (mean, deviation) = (normalization.mean, normalization.deviation)
        let scale = deviation.map { 1 / (255 * $0) }
        let offset = zip(mean, deviation).map { -$0 / $1 }
        var planes = resize.planes(of: frame, height: height, width: width, scale: scale, offset: offset)
        // A cubic filter overshoots, and pictures of 8 bits do not.
        planes.withUnsafeMutableBufferPointer { planes in
            for channel in 0..<3 {
                let (low, high) = (offset[channel], 255 * scale[channel] + offset[channel])
                for i in channel * height * width..<(channel + 1) * height * width {
                    planes[i] = min(high, max(low, planes[i]))
                }
            }
        }
        return preprocessor.patches(ofPlanes: planes, rows: rows, columns: columns)
    }
}
