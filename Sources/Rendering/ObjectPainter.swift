import Pixels

/// Paints objects over pictures of one size, each in its color of DAVIS's palette, brightened, with a contour: a bright
/// line inside the object and a dark one around it, which show on any picture.
package struct ObjectPainter: Sendable {
    /// Share of the color inside an object, in units of 1/256.
    private static let share: UInt16 = 96
    /// Brightness of the line around an object, in units of 1/256.
    private static let dim: UInt16 = 64

    package let height: Int
    package let width: Int
    /// Thickness of each line in pixels: 1 up to 540 lines, 2 to 900, …
    private let reach: Int
    /// By object, red, green and blue.
    private let colors: [UInt8]

    /// For pictures of `height × width` pixels.
    package init(height: Int, width: Int) {
        self.height = height
        self.width = width
        reach = max(1, Int((Double(min(height, width)) / 360).rounded()))
        // The palette's levels are 0, 64, 128 and 192, of which the lower ones are hard to see.
        colors = (0...UInt8.max).flatMap { object in
            let color = DAVISPalette.color(of: object)
            return [color.red, color.green, color.blue].map {
                UInt8(min(255, 255 * (Double($0) / 192).squareRoot()))
            }
        }
    }

    /// The picture with the objects of `mask`.
    ///
    /// - Precondition: both are `height × width`.
    package func paint(_ mask: IndexMask, on frame: RGBImage) -> RGBImage {
        precondition(frame.height == height && frame.width == width, "the picture has another size")
        precondition(mask.height == height && mask.width == width, "the mask has another size")
        return RGBImage(height: height, width: width) { out in
            mask.indices.withUnsafeBufferPointer { indices in
                frame.bytes.withUnsafeBufferPointer { frame in
                    colors.withUnsafeBufferPointer { colors in
                        for y in 0..<height {
                            paintRow(
                                y, indices.baseAddress!, frame.baseAddress!, colors.baseAddress!,
                                into: out.baseAddress!)
                        }
                    }
                }
            }
        }
    }

    private func paintRow(
        _ y: Int, _ indices: UnsafePointer<UInt8>, _ frame: UnsafePointer<UInt8>,
        _ colors: UnsafePointer<UInt8>, into out: UnsafeMutablePointer<UInt8>
    ) {
        let row = indices + y * width
        let above = indices + max(0, y - reach) * width
        let below = indices + min(height - 1, y + reach) * width
        let (from, to) = (frame + y * width * 3, out + y * width * 3)
        for x in 0..<width {
            let object = row[x]
            let isEdge =
                above[x] != object || below[x] != object || row[max(0, x - reach)] != object
                || row[min(width - 1, x + reach)] != object
            for channel in 0..<3 {
                let (under, color) = (
                    UInt16(from[3 * x + channel]), UInt16(colors[3 * Int(object) + channel])
                )
                to[3 * x + channel] =
                    switch (isEdge, object) {
                    case (false, 0): UInt8(under)
                    case (true, 0): UInt8(under * Self.dim >> 8)
                    case (true, _): UInt8(color)
                    case (false, _): UInt8((under * (256 - Self.share) + color * Self.share) >> 8)
                    }
            }
        }
    }
}
