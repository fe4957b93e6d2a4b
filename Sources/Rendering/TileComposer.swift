import Pixels

/// Puts tiles and captions together in a `TileGrid`, frame after frame.
///
/// Captions are drawn once per text and kept: drawing glyphs for every frame would cost more than the tiles.
package struct TileComposer: Sendable {
    package let grid: TileGrid
    /// Gray level between the tiles and behind captions.
    package static let background: UInt8 = 18
    /// Captions kept at a time; a running figure in a caption must not fill the memory.
    private static let captionLimit = 256

    private var captions: [String: RGBImage] = [:]
    /// The picture without tiles, for the captions last used.
    private var backdrop: (captions: [String], image: RGBImage)?
    private var resizers: [Size: Resizer] = [:]

    private struct Size: Hashable, Sendable {
        let height: Int
        let width: Int
    }

    package init(grid: TileGrid) {
        self.grid = grid
    }

    /// A picture of the tiles in order with a caption above each.
    ///
    /// Tiles of another size than the grid's are resized to fit, their aspect kept, in the middle of their place.
    ///
    /// - Precondition: there are as many tiles, and as many captions, as the grid has places.
    /// - Throws: `VitvideoError` of kind `software`.
    package mutating func compose(tiles: [RGBImage], captions: [String]) throws -> RGBImage {
        precondition(tiles.count == grid.count, "one tile for each place")
        var out = try backdrop(captions: captions)
        for (index, tile) in tiles.enumerated() {
            let fitted = fit(tile)
            let origin = grid.origin(of: index)
            copy(
                fitted, into: &out, row: origin.row + (grid.tileHeight - fitted.height) / 2,
                column: origin.column + (grid.tileWidth - fitted.width) / 2)
        }
        return out
    }

    /// The picture with captions and without tiles.
    mutating func backdrop(captions texts: [String]) throws -> RGBImage {
        precondition(texts.count == grid.count, "one caption for each place")
        if let backdrop, backdrop.captions == texts { return backdrop.image }
        var image = RGBImage(height: grid.height, width: grid.width, gray: Self.background)
        if grid.captionHeight > 0 {
            for (index, text) in texts.enumerated() where !text.isEmpty {
                let origin = grid.captionOrigin(of: index)
                copy(try caption(text), into: &image, row: origin.row, column: origin.column)
            }
        }
        backdrop = (texts, image)
        return image
    }

    private mutating func caption(_ text: String) throws -> RGBImage {
        if let drawn = captions[text] { return drawn }
        if captions.count >= Self.captionLimit { captions.removeAll(keepingCapacity: true) }
        let drawn = try Self.drawCaption(text, height: grid.captionHeight, width: grid.tileWidth)
        captions[text] = drawn
        return drawn
    }

    /// Light text on the background, from the left; smaller where it is too long, and cut with an ellipsis where
    /// it would become unreadable.
    static func drawCaption(_ text: String, height: Int, width: Int) throws -> RGBImage {
        let canvas = try Canvas.pixels(
            height: height, width: width, background: CanvasColor(gray: Double(background) / 255))
        let indent = Double(height) * 0.3
        let room = Double(width) - 2 * indent
        var font = CanvasFont(size: (Double(height) * 0.64).rounded())
        while font.size > 10, canvas.measure(text, font: font).width > room { font.size -= 1 }
        var shown = text
        while !shown.isEmpty, canvas.measure(shown, font: font).width > room {
            let kept = shown.hasSuffix("…") ? shown.dropLast(2) : shown.dropLast()
            shown = kept.isEmpty ? "" : kept + "…"
        }
        let measure = canvas.measure(shown, font: font)
        let baseline = (Double(height) + measure.ascent - measure.descent) / 2
        canvas.text(shown, x: indent, y: baseline.rounded(), font: font, CanvasColor(gray: 0.92))
        return try canvas.image()
    }

    private mutating func fit(_ tile: RGBImage) -> RGBImage {
        guard tile.height != grid.tileHeight || tile.width != grid.tileWidth else { return tile }
        let size = Size(height: tile.height, width: tile.width)
        if resizers[size] == nil {
            let factor = min(
                Double(grid.tileHeight) / Double(tile.height), Double(grid.tileWidth) / Double(tile.width))
            // Two roundings apart at most is the same aspect: fill the place instead of leaving a line.
            func snapped(_ length: Int, _ place: Int) -> Int {
                let scaled = max(1, Int((Double(length) * factor).rounded()))
                return place - scaled <= 2 ? place : scaled
            }
            resizers[size] = Resizer(
                frameHeight: tile.height, frameWidth: tile.width,
                height: snapped(tile.height, grid.tileHeight), width: snapped(tile.width, grid.tileWidth))
        }
        return resizers[size]?(tile) ?? tile
    }

    private func copy(_ image: RGBImage, into out: inout RGBImage, row: Int, column: Int) {
        let width = out.width
        out.bytes.withUnsafeMutableBufferPointer { out in
            image.bytes.withUnsafeBufferPointer { source in
                for y in 0..<image.height {
                    (out.baseAddress! + ((row + y) * width + column) * 3)
                        .update(from: source.baseAddress! + y * image.width * 3, count: image.width * 3)
                }
            }
        }
    }
}
