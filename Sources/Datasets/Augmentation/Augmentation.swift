import Base
import Glibc
import Pixels
import ViT

/// How a picture becomes the square that a model takes. In this order: it is cut to a square, resized, cropped, flipped, turned
/// and zoomed; where a model is evaluated, cut about the middle and resized.
package struct Augmentation: Sendable, Hashable, CustomStringConvertible {
    /// The side of the square that the model takes, in pixels.
    package var side: Int
    /// The side that training pictures are resized to, of which a crop takes `side`.
    package var resizedSide: Int
    /// Black pixels about the resized picture, of which a crop may take some.
    package var padding = 0
    /// Whether every second picture is mirrored.
    package var flips = false
    /// The largest turn either way, in whole turns.
    package var rotation: Float = 0
    /// How far from 1 the factors of height and width are drawn at most, each by itself.
    package var zoom: Float = 0

    package init(side: Int, resizedSide: Int? = nil) {
        self.side = side
        self.resizedSide = resizedSide ?? side
    }

    /// All of it in a line: "72 px of 72, flip, rotation 0.02, zoom 0.2".
    package var description: String {
        var parts = ["\(side) px of \(resizedSide)"]
        if padding > 0 { parts.append("padding \(padding)") }
        if flips { parts.append("flip") }
        if rotation > 0 { parts.append("rotation \(rotation)") }
        if zoom > 0 { parts.append("zoom \(zoom)") }
        return parts.joined(separator: ", ")
    }

    /// Of the Keras example `vit_small_ds`: to 72 pixels, flipped, turned by up to .02 of a turn, zoomed by up to .2.
    package static let keras = {
        var augmentation = Augmentation(side: 72)
        augmentation.flips = true
        augmentation.rotation = 0.02
        augmentation.zoom = 0.2
        return augmentation
    }()

    /// Of probing-vits' `train_cifar10.py`: to 52 pixels, of which 48 are cropped, flipped.
    package static let probingVits = {
        var augmentation = Augmentation(side: 48, resizedSide: 52)
        augmentation.flips = true
        return augmentation
    }()

    /// What is drawn for a picture.
    package struct Draw: Sendable, Equatable {
        /// Where along the longer side the square lies, in 0…1.
        package var square: Float = 0.5
        /// Pixels of the padded picture above and left of the crop.
        package var top = 0
        package var left = 0
        package var isFlipped = false
        /// In radians.
        package var angle: Float = 0
        package var heightFactor: Float = 1
        package var widthFactor: Float = 1

        package init() {}
    }

    /// What training draws for a picture: all values uniformly, and always as many, so that one option leaves what is drawn
    /// for the others alone.
    package func draw(_ generator: inout SplitMix64) -> Draw {
        var draw = Draw()
        func either(_ limit: Float, _ generator: inout SplitMix64) -> Float {
            (2 * generator.uniform() - 1) * limit
        }
        let places = resizedSide + 2 * padding - side + 1
        draw.square = generator.uniform()
        draw.top = generator.below(max(1, places))
        draw.left = generator.below(max(1, places))
        draw.isFlipped = generator.uniform() < 0.5 && flips
        draw.angle = either(rotation * 2 * .pi, &generator)
        draw.heightFactor = 1 + either(zoom, &generator)
        draw.widthFactor = 1 + either(zoom, &generator)
        return draw
    }

    /// A picture as a model is trained on it.
    ///
    /// - Returns: `3 × side × side`.
    package func training(_ image: RGBImage, _ draw: Draw, _ normalization: Normalization) -> [Float] {
        var picture = resized(image, to: resizedSide, square: draw.square, normalization)
        if resizedSide != side || padding > 0 {
            picture = picture.cropped(
                top: draw.top - padding, left: draw.left - padding, height: side, width: side,
                outside: zip(normalization.mean, normalization.deviation).map { -$0 / $1 })
        }
        if draw.isFlipped { picture = picture.flipped() }
        if draw.angle != 0 {
            picture = AffineMap.rotation(draw.angle, height: side, width: side).applied(to: picture)
        }
        if draw.heightFactor != 1 || draw.widthFactor != 1 {
            picture = AffineMap.zoom(
                heightFactor: draw.heightFactor, widthFactor: draw.widthFactor, height: side, width: side
            ).applied(to: picture)
        }
        return picture.values
    }

    /// A picture as a model is evaluated on it; returns as `training`.
    package func evaluation(_ image: RGBImage, _ normalization: Normalization) -> [Float] {
        resized(image, to: side, square: 0.5, normalization).values
    }

    /// The square of a picture, resized and normalized: bilinear, antialiased where it shrinks. Keras's `Resizing` leaves the
    /// antialiasing out; where pictures grow, as CIFAR's do, both are the same.
    private func resized(
        _ image: RGBImage, to target: Int, square: Float, _ normalization: Normalization
    ) -> PicturePlanes {
        let short = min(image.height, image.width)
        let places = max(image.height, image.width) - short
        let start = min(Int(square * Float(places + 1)), places)
        let cut =
            places == 0
            ? image
            : image.cropped(
                top: image.height > short ? start : 0, left: image.width > short ? start : 0, side: short)
        return PicturePlanes(
            height: target, width: target,
            values: Resize(from: (short, short), to: (target, target)).planes(
                of: cut, height: target, width: target,
                scale: normalization.deviation.map { 1 / (255 * $0) },
                offset: zip(normalization.mean, normalization.deviation).map { -$0 / $1 }))
    }
}

extension RGBImage {
    /// A square within the picture.
    fileprivate func cropped(top: Int, left: Int, side: Int) -> RGBImage {
        RGBImage(height: side, width: side) { to in
            for row in 0..<side {
                let start = ((top + row) * width + left) * 3
                _ = UnsafeMutableBufferPointer(rebasing: to[(row * side * 3)..<((row + 1) * side * 3)])
                    .update(fromContentsOf: bytes[start..<(start + side * 3)])
            }
        }
    }
}
