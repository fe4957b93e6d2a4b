import Pixels

/// Paints three maps as red, green and blue on pictures of one size, without a color map: for maps that are
/// coordinates and not heat.
///
/// Upsampling tables are made for the first maps' shape and kept.
package struct ColorPainter: Sendable {
    package let height: Int
    package let width: Int
    private let placement: MapPlacement
    private let interpolation: Interpolation
    /// Share of the color where it lies over a picture.
    private let alpha: Float
    private var upsampler: Upsampler?

    /// For pictures of `height × width` pixels. Of the style, the color map and the scale are not used.
    package init(height: Int, width: Int, placement: MapPlacement, style: HeatStyle) {
        self.height = height
        self.width = width
        self.placement = placement
        interpolation = style.interpolation
        alpha = Float(style.alpha)
    }

    /// Paints `height × width` pixels at `out`, rows `strideBytes` apart: (1 − α) · frame + α · color, to the
    /// nearest integer, or the opaque color where there is no frame.
    ///
    /// - Parameters:
    ///   - colors: red, green and blue within 0…1, `rows × columns` each; what lies outside is clamped.
    ///   - frame: packed and of the same size, or nil.
    /// - Precondition: there are three maps of one size.
    mutating func paint(
        _ colors: [Plane], over frame: UnsafePointer<UInt8>?, into out: UnsafeMutablePointer<UInt8>,
        strideBytes: Int
    ) {
        precondition(colors.count == 3, "red, green and blue")
        let upsampler = upsampler(rows: colors[0].height, columns: colors[0].width)
        let share = frame == nil ? 1 : alpha
        for (channel, map) in colors.enumerated() {
            upsampler(map).values.withUnsafeBufferPointer { values in
                for y in 0..<height {
                    let to = out + y * strideBytes + channel
                    let from = frame.map { $0 + y * width * 3 + channel }
                    for x in 0..<width {
                        let color = 255 * min(1, max(0, values[y * width + x]))
                        let under = from.map { Float($0[3 * x]) } ?? 0
                        to[3 * x] = UInt8(under + share * (color - under) + 0.5)
                    }
                }
            }
        }
    }

    private mutating func upsampler(rows: Int, columns: Int) -> Upsampler {
        if let upsampler, upsampler.rows == rows, upsampler.columns == columns { return upsampler }
        let made = Upsampler(
            rows: rows, columns: columns, height: height, width: width, placement: placement,
            interpolation: interpolation)
        upsampler = made
        return made
    }
}
