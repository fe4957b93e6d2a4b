import CKernels
import Glibc

/// Where in a picture each pixel of the turned or zoomed one comes from: the pixel (x, y) shows what lies at
/// (xx·x + xy·y + xOffset, yx·x + yy·y + yOffset), in pixels, (0, 0) being the middle of the first.
///
/// Values between pixels are bilinear. Beyond the border the picture is mirrored, its outermost pixels twice:
/// `dcba|abcd|dcba`. Both are as TensorFlow's `ImageProjectiveTransformV3` with fill mode `reflect` does, with which
/// Keras's layers turn and zoom.
package struct AffineMap: Sendable, Equatable {
    package let xx, xy, xOffset: Float
    package let yx, yy, yOffset: Float

    /// A turn about the middle of the picture, as Keras's `RandomRotation` makes it.
    ///
    /// - Parameter angle: in radians; above 0 the picture turns counterclockwise.
    package static func rotation(_ angle: Float, height: Int, width: Int) -> AffineMap {
        let (sine, cosine) = (sin(angle), cos(angle))
        let (right, bottom) = (Float(width - 1), Float(height - 1))
        return AffineMap(
            xx: cosine, xy: -sine, xOffset: (right - (cosine * right - sine * bottom)) / 2,
            yx: sine, yy: cosine, yOffset: (bottom - (sine * right + cosine * bottom)) / 2)
    }

    /// A zoom about the middle of the picture, as Keras's `RandomZoom` makes it.
    ///
    /// - Parameters:
    ///   - heightFactor: what of the height is seen: below 1 the picture is enlarged.
    ///   - widthFactor: the same of the width.
    package static func zoom(
        heightFactor: Float, widthFactor: Float, height: Int, width: Int
    ) -> AffineMap {
        AffineMap(
            xx: widthFactor, xy: 0, xOffset: Float(width - 1) / 2 * (1 - widthFactor),
            yx: 0, yy: heightFactor, yOffset: Float(height - 1) / 2 * (1 - heightFactor))
    }

    /// The mapped picture, of the same size.
    package func applied(to picture: PicturePlanes) -> PicturePlanes {
        let values = [Float](unsafeUninitializedCapacity: picture.values.count) { to, count in
            vv_map_planes(
                to.baseAddress!, picture.values, picture.height, picture.width,
                [xx, xy, xOffset, yx, yy, yOffset])
            count = picture.values.count
        }
        return PicturePlanes(height: picture.height, width: picture.width, values: values)
    }
}
