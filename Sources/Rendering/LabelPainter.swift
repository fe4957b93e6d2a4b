import Pixels

/// Writes lines of text over a picture, on a dark translucent ground in its lower left corner.
///
/// Each text is drawn once and kept: frames repeat their labels.
package struct LabelPainter: Sendable {
    /// Opacity of the ground and of the text on it.
    private static let opacity = 200
    /// Drawn texts kept at a time; probabilities that change with every frame must not fill the memory.
    private static let limit = 64

    private var drawn: [Key: RGBImage] = [:]

    private struct Key: Hashable {
        let lines: [String]
        let size: Int
    }

    package init() {}

    /// Writes the lines into a region of the picture; nothing where there are none.
    ///
    /// - Parameters:
    ///   - row: of the region's upper edge in the picture, in pixels.
    ///   - height: of the region; the text's size follows it.
    /// - Throws: `VitvideoError` of kind `software`.
    package mutating func paint(
        _ lines: [String], on picture: inout RGBImage, row: Int, column: Int, height: Int, width: Int
    ) throws {
        guard !lines.isEmpty else { return }
        let label = try label(lines, size: max(11, min(28, height / 18)))
        let margin = max(2, height / 60)
        let top = row + max(0, height - label.height - margin)
        let (rows, columns) = (
            min(label.height, picture.height - top),
            min(label.width, width - margin, picture.width - column - margin)
        )
        guard rows > 0, columns > 0 else { return }
        let stride = picture.width * 3
        picture.bytes.withUnsafeMutableBufferPointer { picture in
            for y in 0..<rows {
                let to = (top + y) * stride + (column + margin) * 3
                for i in 0..<columns * 3 {
                    let text = Int(label.bytes[y * label.width * 3 + i])
                    let mixed = Int(picture[to + i]) * (255 - Self.opacity) + text * Self.opacity
                    picture[to + i] = UInt8((mixed + 127) / 255)
                }
            }
        }
    }

    private mutating func label(_ lines: [String], size: Int) throws -> RGBImage {
        let key = Key(lines: lines, size: size)
        if let image = drawn[key] { return image }
        if drawn.count >= Self.limit { drawn.removeAll(keepingCapacity: true) }
        let image = try Self.draw(lines, size: size)
        drawn[key] = image
        return image
    }

    private static func draw(_ lines: [String], size: Int) throws -> RGBImage {
        let font = CanvasFont(size: Double(size))
        let probe = try Canvas.pixels(height: 1, width: 1, background: CanvasColor(gray: 0))
        let padding = Double(size) * 0.45
        let lineHeight = Double(size) * 1.35
        let width = lines.map { probe.measure($0, font: font).width }.max() ?? 0
        let canvas = try Canvas.pixels(
            height: Int((lineHeight * Double(lines.count) + padding).rounded(.up)),
            width: Int((width + 2 * padding).rounded(.up)), background: CanvasColor(gray: 0.05))
        for (index, line) in lines.enumerated() {
            canvas.text(
                line, x: padding, y: padding / 2 + lineHeight * (Double(index) + 0.78), font: font,
                CanvasColor(gray: 1))
        }
        return try canvas.image()
    }
}
