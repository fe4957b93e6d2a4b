import Pixels
import Rendering
import Testing

@Suite struct TileGridTests {
    @Test(
        arguments: [
            // count, source height, source width → columns × rows
            (8, 720, 1280, 4, 2), (14, 720, 1280, 5, 3), (18, 720, 1280, 6, 3), (5, 720, 1280, 3, 2),
            (2, 720, 1280, 2, 1), (3, 720, 1280, 3, 1), (4, 720, 1280, 2, 2), (1, 720, 1280, 1, 1),
            (8, 224, 224, 4, 2), (14, 1920, 1080, 7, 2), (26, 720, 1280, 7, 4),
        ])
    func gridsAreWellFilled(count: Int, height: Int, width: Int, columns: Int, rows: Int) {
        let grid = TileGrid(count: count, sourceHeight: height, sourceWidth: width)
        #expect(grid.columns == columns && grid.rows == rows)
    }

    @Test func tilesLieInsideAndApartAndKeepTheirAspect() {
        for count in 1...30 {
            for (height, width) in [
                (720, 1280), (1280, 720), (224, 224), (64, 48), (2160, 3840), (272, 640), (719, 1279),
                (9, 16),
            ] {
                let grid = TileGrid(count: count, sourceHeight: height, sourceWidth: width)
                #expect(grid.width <= 1920 && grid.height <= 2160, "\(count) of \(height)×\(width)")
                #expect(grid.width.isMultiple(of: 2) && grid.height.isMultiple(of: 2))
                #expect(grid.tileWidth <= width && grid.tileHeight <= height)
                #expect(grid.columns * grid.rows >= count && grid.columns * (grid.rows - 1) < count)
                let exact = Double(grid.tileWidth) * Double(height) / Double(width)
                #expect(abs(Double(grid.tileHeight) - exact) <= 0.5)

                var taken = Set<[Int]>()
                for index in 0..<count {
                    let caption = grid.captionOrigin(of: index)
                    let tile = grid.origin(of: index)
                    #expect(tile.row == caption.row + grid.captionHeight && tile.column == caption.column)
                    #expect(tile.row + grid.tileHeight <= grid.height)
                    #expect(tile.column + grid.tileWidth <= grid.width)
                    taken.insert([
                        caption.row / (grid.captionHeight + grid.tileHeight), caption.column / grid.tileWidth,
                    ])
                    if index % grid.columns > 0 {
                        let left = grid.origin(of: index - 1)
                        #expect(
                            tile.column == left.column + grid.tileWidth + grid.gap && tile.row == left.row)
                    }
                }
                #expect(taken.count == count)
            }
        }
    }

    @Test func theGridUsesTheWidthItIsGiven() {
        let grid = TileGrid(count: 8, sourceHeight: 720, sourceWidth: 1280)
        #expect(grid.width >= 1916)
        let small = TileGrid(count: 8, sourceHeight: 720, sourceWidth: 1280, maximumWidth: 640)
        #expect(small.width <= 640 && small.width >= 636 && small.columns == 4)
        let row = TileGrid(count: 3, sourceHeight: 512, sourceWidth: 896, columns: 3, captions: false)
        #expect(row.captionHeight == 0 && row.rows == 1 && row.columns == 3)
    }

    @Test func smallPicturesAreNotEnlarged() {
        let grid = TileGrid(count: 8, sourceHeight: 100, sourceWidth: 120)
        #expect(grid.tileHeight == 100 && grid.tileWidth == 120)
    }
}

@Suite struct TileComposerTests {
    @Test func tilesAndCaptionsStandInTheirPlaces() throws {
        let grid = TileGrid(count: 5, sourceHeight: 60, sourceWidth: 81)
        var composer = TileComposer(grid: grid)
        let tiles = (0..<5).map { noiseImage(height: 60, width: 81, seed: UInt64($0)) }
        let captions = ["frame", "mean", "", "head 1", "head 2"]
        let out = try composer.compose(tiles: tiles, captions: captions)
        #expect(out.height == grid.height && out.width == grid.width)
        for (index, tile) in tiles.enumerated() {
            let origin = grid.origin(of: index)
            #expect(out.cropped(row: origin.row, column: origin.column, height: 60, width: 81) == tile)
            let bar = grid.captionOrigin(of: index)
            let caption = out.cropped(
                row: bar.row, column: bar.column, height: grid.captionHeight, width: grid.tileWidth)
            let background = caption.bytes[0]
            let ink = caption.bytes.contains { $0 > 150 }
            #expect(ink == !captions[index].isEmpty, "caption \(index)")
            // Text is gray and leaves the bar's first and last rows free.
            #expect(caption.bytes.prefix(81 * 3).allSatisfy { $0 == background })
            #expect(caption.bytes.suffix(81 * 3).allSatisfy { $0 == background })
        }
        // What is kept from one frame must not show in the next.
        #expect(try composer.compose(tiles: tiles, captions: captions) == out)
        #expect(try composer.compose(tiles: tiles, captions: ["a", "b", "c", "d", "e"]) != out)
        #expect(try composer.compose(tiles: tiles, captions: captions) == out)
    }

    @Test func differentCaptionsLookDifferentAndLongOnesStayInTheirBar() throws {
        let grid = TileGrid(count: 1, sourceHeight: 120, sourceWidth: 200)
        let tile = RGBImage(height: 120, width: 200)
        var composer = TileComposer(grid: grid)
        var seen: [RGBImage] = []
        for caption in ["head 0", "head 1", String(repeating: "golden retriever, ", count: 20)] {
            let out = try composer.compose(tiles: [tile], captions: [caption])
            #expect(!seen.contains(out))
            seen.append(out)
        }
        let bar = seen[2].cropped(row: 0, column: 0, height: grid.captionHeight, width: 200)
        let lastColumns = bar.cropped(row: 0, column: 197, height: grid.captionHeight, width: 3)
        #expect(lastColumns.bytes.allSatisfy { $0 == bar.bytes[0] })
        #expect(bar.bytes.contains { $0 > 150 })
    }

    @Test func tilesOfAnotherSizeAreFittedInTheMiddle() throws {
        let grid = TileGrid(count: 2, sourceHeight: 90, sourceWidth: 160, captions: false)
        var composer = TileComposer(grid: grid)
        let tall = RGBImage(height: 180, width: 160, gray: 200)
        let small = RGBImage(height: 45, width: 80, gray: 100)
        let out = try composer.compose(tiles: [tall, small], captions: ["", ""])
        let background = out[0, 0].red
        // 180 × 160 fits as 90 × 80, with 40 columns to either side.
        #expect(out[45, 39].red == background && out[45, 40].red == 200)
        #expect(out[45, 119].red == 200 && out[45, 120].red == background)
        #expect(out[0, 40].red == 200 && out[89, 119].red == 200)
        let place = grid.origin(of: 1)
        #expect(
            out.cropped(row: place.row, column: place.column, height: 90, width: 160).bytes
                .allSatisfy { $0 == 100 })
    }
}
