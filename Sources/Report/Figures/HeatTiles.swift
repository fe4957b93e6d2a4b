import Methods
import Pixels
import Rendering

/// A picture of a figure in which every tile has its own.
struct PictureTile {
    let caption: String
    let picture: RGBImage
    /// Covers the picture as a whole; nil for the picture alone.
    var map: Plane?
    var scale = HeatScale.frame
}

/// Maps over the picture they belong to, tile by tile.
struct HeatTiles {
    /// The most that a figure may be wide, in pixels: what a page shows at full size.
    static let maximumWidth = 1000

    /// - Parameters:
    ///   - picture: what lies beneath, covered by each map as a whole.
    ///   - style: `scale` apart, how heat looks.
    /// - Throws: `VitvideoError` of kind `software`.
    static func over(
        _ picture: RGBImage, _ tiles: [SectionFigure.Tile], columns: Int, style: HeatStyle = HeatStyle()
    ) throws -> RGBImage {
        let grid = TileGrid(
            count: tiles.count, sourceHeight: picture.height, sourceWidth: picture.width, columns: columns,
            maximumHeight: 4 * maximumWidth, maximumWidth: maximumWidth)
        var resizer = Resizer(
            frameHeight: picture.height, frameWidth: picture.width, height: grid.tileHeight,
            width: grid.tileWidth)
        let ground = resizer(picture)
        var scaler = HeatScaler(.frame)
        let images = tiles.map { tile in
            var painter = HeatPainter(
                height: grid.tileHeight, width: grid.tileWidth,
                placement: MapPlacement(
                    covering: grid.tileHeight, grid.tileWidth, rows: tile.map.height,
                    columns: tile.map.width),
                style: style)
            return painter.overlay(scaler.heat(of: tile.map, at: 0), on: ground)
        }
        var composer = TileComposer(grid: grid)
        return try composer.compose(tiles: images, captions: tiles.map(\.caption))
    }

    /// Maps over pictures of their own, tile by tile, or pictures without a map.
    ///
    /// - Parameter tiles: at least one; all are as large as the first, or fitted into its place.
    /// - Throws: `VitvideoError` of kind `software`.
    static func each(
        _ tiles: [PictureTile], columns: Int, style: HeatStyle = HeatStyle()
    ) throws -> RGBImage {
        let grid = TileGrid(
            count: tiles.count, sourceHeight: tiles[0].picture.height, sourceWidth: tiles[0].picture.width,
            columns: columns, maximumHeight: 4 * maximumWidth, maximumWidth: maximumWidth)
        let images = tiles.map { tile in
            let (height, width) = (tile.picture.height, tile.picture.width)
            let factor = min(
                Double(grid.tileHeight) / Double(height), Double(grid.tileWidth) / Double(width))
            func scaled(_ length: Int) -> Int { max(1, Int((Double(length) * factor).rounded())) }
            var resizer = Resizer(
                frameHeight: height, frameWidth: width, height: scaled(height), width: scaled(width))
            let ground = resizer(tile.picture)
            guard let map = tile.map else { return ground }
            var painter = HeatPainter(
                height: ground.height, width: ground.width,
                placement: MapPlacement(
                    covering: ground.height, ground.width, rows: map.height, columns: map.width),
                style: style)
            var scaler = HeatScaler(tile.scale)
            return painter.overlay(scaler.heat(of: map, at: 0), on: ground)
        }
        var composer = TileComposer(grid: grid)
        return try composer.compose(tiles: images, captions: tiles.map(\.caption))
    }

    /// Small pictures of one size, their pixels as squares, without captions.
    ///
    /// - Throws: `VitvideoError` of kind `software`.
    static func mosaic(_ pictures: [RGBImage], columns: Int) throws -> RGBImage {
        guard let first = pictures.first else { return RGBImage(height: 1, width: 1) }
        let room = (maximumWidth - 4 * (columns - 1)) / columns
        let factor = max(1, room / max(first.width, 1))
        let grid = TileGrid(
            count: pictures.count, sourceHeight: first.height * factor, sourceWidth: first.width * factor,
            columns: columns, captions: false, maximumHeight: 4 * maximumWidth, maximumWidth: maximumWidth)
        var composer = TileComposer(grid: grid)
        return try composer.compose(
            tiles: pictures.map { enlarged($0, by: factor) },
            captions: [String](repeating: "", count: pictures.count))
    }

    private static func enlarged(_ picture: RGBImage, by factor: Int) -> RGBImage {
        let width = picture.width * factor
        return RGBImage(height: picture.height * factor, width: width) { out in
            for row in 0..<picture.height * factor {
                for column in 0..<width {
                    let from = ((row / factor) * picture.width + column / factor) * 3
                    for channel in 0..<3 {
                        out[(row * width + column) * 3 + channel] = picture.bytes[from + channel]
                    }
                }
            }
        }
    }
}
