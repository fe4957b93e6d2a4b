import CKernels
import Pixels

/// How heat looks.
package struct HeatStyle: Sendable {
    package var colorMap: ColorMap
    /// Share of the color where it lies over the frame, 0...1. The published figures use 0.6.
    package var alpha: Double
    package var interpolation: Interpolation
    package var scale: HeatScale

    package init(
        colorMap: ColorMap = .inferno, alpha: Double = 0.6, interpolation: Interpolation = .bilinear,
        scale: HeatScale = .frame
    ) {
        self.colorMap = colorMap
        self.alpha = alpha
        self.interpolation = interpolation
        self.scale = scale
    }
}

/// Paints heat on pictures of one size: upsampling, color and blend in one pass over the pixels.
///
/// Upsampling tables are made for the first map's shape and kept.
package struct HeatPainter: Sendable {
    package let height: Int
    package let width: Int
    private let placement: MapPlacement
    private let interpolation: Interpolation
    private let lookup: [UInt8]
    /// Share of the color in units of 2⁻²³.
    private let alpha: UInt32
    private var upsampler: Upsampler?
    /// One line of the map, scratch.
    private var line: [Float] = []

    /// For pictures of `height × width` pixels. `style.scale` is not used: maps come as heat.
    ///
    /// - Precondition: `style.alpha` is within 0...1.
    package init(height: Int, width: Int, placement: MapPlacement, style: HeatStyle) {
        precondition((0...1).contains(style.alpha), "alpha is a share")
        self.height = height
        self.width = width
        self.placement = placement
        interpolation = style.interpolation
        lookup = style.colorMap.entries
        alpha = UInt32((style.alpha * 0x1p23).rounded())
    }

    /// The heat as opaque colors.
    package mutating func heatmap(_ heat: Plane) -> RGBImage {
        RGBImage(height: height, width: width) { out in
            paint(heat, over: nil, into: out.baseAddress!, strideBytes: width * 3)
        }
    }

    /// The heat over a picture: (1 − α) · frame + α · color, to the nearest integer.
    ///
    /// - Precondition: the picture is `height × width`.
    package mutating func overlay(_ heat: Plane, on frame: RGBImage) -> RGBImage {
        precondition(frame.height == height && frame.width == width, "the picture has another size")
        return RGBImage(height: height, width: width) { out in
            frame.bytes.withUnsafeBufferPointer { frame in
                paint(heat, over: frame.baseAddress, into: out.baseAddress!, strideBytes: width * 3)
            }
        }
    }

    /// Paints `height × width` pixels at `out`, rows `strideBytes` apart, over `frame` (packed, same size) or
    /// opaque.
    mutating func paint(
        _ heat: Plane, over frame: UnsafePointer<UInt8>?, into out: UnsafeMutablePointer<UInt8>,
        strideBytes: Int
    ) {
        if upsampler?.rows != heat.height || upsampler?.columns != heat.width {
            upsampler = nil
        }
        let upsampler =
            upsampler
            ?? Upsampler(
                rows: heat.height, columns: heat.width, height: height, width: width, placement: placement,
                interpolation: interpolation)
        self.upsampler = upsampler
        if line.count != upsampler.lineCount {
            line = [Float](repeating: 0, count: upsampler.lineCount)
        }
        upsampler.vertical.withAxis { vertical in
            upsampler.horizontal.withAxis { horizontal in
                vv_heat_rows(
                    out, strideBytes, frame, width * 3, heat.values, Int32(heat.height), Int32(heat.width),
                    vertical, horizontal, lookup, alpha, &line)
            }
        }
    }
}
