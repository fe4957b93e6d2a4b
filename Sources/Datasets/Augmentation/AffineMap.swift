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
        let (height, width) = (picture.height, picture.width)
        let plane = height * width
        let values = [Float](unsafeUninitializedCapacity: 3 * plane) { to, count in
            picture.values.withUnsafeBufferPointer { from in
                for y in 0..<height {
                    for x in 0..<width {
                        let across = Self.mirrored(xx * Float(x) + xy * Float(y) + xOffset, width)
                        let down = Self.mirrored(yx * Float(x) + yy * Float(y) + yOffset, height)
                        let (left, top) = (Int(across), Int(down))
                        let (right, bottom) = (min(left + 1, width - 1), min(top + 1, height - 1))
                        let (shareRight, shareBottom) = (across - Float(left), down - Float(top))
                        for channel in 0..<3 {
                            let upper = channel * plane + top * width
                            let lower = channel * plane + bottom * width
                            let above =
                                from[upper + left] * (1 - shareRight) + from[upper + right] * shareRight
                            let below =
                                from[lower + left] * (1 - shareRight) + from[lower + right] * shareRight
                            to[channel * plane + y * width + x] =
                                above * (1 - shareBottom) + below * shareBottom
                        }
                    }
                }
            }
            count = 3 * plane
        }
        return PicturePlanes(height: height, width: width, values: values)
    }

    /// The place within the picture that a place beyond its border shows, in 0...count − 1.
    private static func mirrored(_ place: Float, _ count: Int) -> Float {
        let (length, last) = (Float(count), Float(count - 1))
        if place >= 0, place <= last { return place }
        // From the outer edge of the first pixel, there and back again: a period of twice the length.
        var distance = (place + 0.5).truncatingRemainder(dividingBy: 2 * length)
        if distance < 0 { distance += 2 * length }
        if distance > length { distance = 2 * length - distance }
        return min(max(0, distance - 0.5), last)
    }
}
