import Glibc

/// Where tiles of one size and their captions lie in a picture: rows of tiles, each with a caption above it.
///
/// All lengths in pixels. The picture's sides are even, as 4:2:0 video wants them.
package struct TileGrid: Sendable, Equatable {
    package let count: Int
    package let columns: Int
    package let rows: Int
    package let tileHeight: Int
    package let tileWidth: Int
    /// Height of the bar above each tile; 0 without captions.
    package let captionHeight: Int
    /// Space between neighboring tiles.
    package let gap: Int
    /// Height of the whole picture.
    package let height: Int
    /// Width of the whole picture.
    package let width: Int

    /// A grid for `count` tiles of the aspect of `sourceHeight × sourceWidth`.
    ///
    /// Tiles are as large as the limits allow and never larger than the source. Without `columns` the grid is
    /// the one that leaves the fewest places empty and looks least like a ribbon: 8 tiles of a 16:9 picture
    /// stand 4 × 2, 14 stand 5 × 3.
    ///
    /// - Precondition: `count` and the source's sides are positive.
    package init(
        count: Int, sourceHeight: Int, sourceWidth: Int, columns: Int? = nil, captions: Bool = true,
        maximumHeight: Int = 2160, maximumWidth: Int = 1920
    ) {
        precondition(count > 0 && sourceHeight > 0 && sourceWidth > 0, "a grid has tiles, and tiles a size")
        let aspect = Double(sourceWidth) / Double(sourceHeight)
        let columns = min(count, max(1, columns ?? Self.bestColumns(count: count, aspect: aspect)))
        let rows = (count + columns - 1) / columns
        let gap = 4
        let roomWide = max(2, (maximumWidth - gap * (columns - 1)) / columns)
        let roomHigh = max(2, (maximumHeight - gap * (rows - 1)) / rows)

        var tileWidth = min(sourceWidth, roomWide)
        var tileHeight = Self.height(ofWidth: tileWidth, aspect: aspect)
        while tileHeight + Self.captionHeight(captions, tileHeight) > roomHigh, tileWidth > 2 {
            tileWidth -= 1
            tileHeight = Self.height(ofWidth: tileWidth, aspect: aspect)
        }
        let captionHeight = Self.captionHeight(captions, tileHeight)

        self.count = count
        self.columns = columns
        self.rows = rows
        self.tileHeight = tileHeight
        self.tileWidth = tileWidth
        self.captionHeight = captionHeight
        self.gap = gap
        let high = rows * (captionHeight + tileHeight) + gap * (rows - 1)
        let wide = columns * tileWidth + gap * (columns - 1)
        height = high + high % 2
        width = wide + wide % 2
    }

    /// Top left corner of a tile's picture.
    package func origin(of index: Int) -> (row: Int, column: Int) {
        let caption = captionOrigin(of: index)
        return (caption.row + captionHeight, caption.column)
    }

    /// Top left corner of a tile's caption, which is `captionHeight × tileWidth`.
    package func captionOrigin(of index: Int) -> (row: Int, column: Int) {
        precondition((0..<count).contains(index), "the grid has no such tile")
        return (
            index / columns * (captionHeight + tileHeight + gap), index % columns * (tileWidth + gap)
        )
    }

    /// The source's aspect, to the nearest pixel.
    private static func height(ofWidth width: Int, aspect: Double) -> Int {
        max(1, Int((Double(width) / aspect).rounded()))
    }

    /// A ninth of the tile, but readable on small tiles and modest on large ones.
    private static func captionHeight(_ captions: Bool, _ tileHeight: Int) -> Int {
        captions ? min(38, max(20, (tileHeight + 4) / 9)) : 0
    }

    /// The number of columns with the least cost: the share of empty places, plus a little for each doubling of
    /// the picture's aspect away from 16:9. Of equals the widest.
    private static func bestColumns(count: Int, aspect: Double) -> Int {
        func cost(_ columns: Int) -> Double {
            let rows = (count + columns - 1) / columns
            let empty = Double(columns * rows - count) / Double(columns * rows)
            let shape = Double(columns) * aspect / Double(rows) / (16.0 / 9)
            let doublings = log2(shape)
            return empty + 0.06 * doublings * doublings
        }
        return (1...count).reversed().min { cost($0) < cost($1) - 1e-9 } ?? 1
    }
}
