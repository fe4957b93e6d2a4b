import Pixels
import Rendering
import Testing

/// What the views do with maps that are colors, that have no fused one, or that belong to a marked patch.
@Suite struct MethodViewTests {
    let frame = noiseImage(height: 60, width: 100)
    let placement = MapPlacement(cellHeight: 20, cellWidth: 25)
    let colors = (0..<3).map { noiseMap(height: 3, width: 4, seed: 30 + UInt64($0)) }
    let fused = noiseMap(height: 3, width: 4, seed: 40)

    private func renderer(
        _ view: View, style: HeatStyle = HeatStyle(alpha: 0.5, interpolation: .nearest),
        fusedLabel: String? = "all", appearance: MapAppearance = .color,
        markedCell: (row: Int, column: Int)? = nil, on markedPlacement: MapPlacement? = nil
    ) -> ViewRenderer {
        ViewRenderer(
            view: view, style: style, frameHeight: 60, frameWidth: 100, placement: placement,
            headLabels: ["one", "two", "three"], fusedLabel: fusedLabel, appearance: appearance,
            markedCell: markedCell.map {
                MarkedCell(row: $0.row, column: $0.column, placement: markedPlacement ?? placement)
            })
    }

    /// The maps' values as colors, without a color map and without scaling.
    private func expected(_ y: Int, _ x: Int, share: Double) -> [Int] {
        colors.indices.map { channel in
            let color = 255 * Double(colors[channel][y / 20, x / 25])
            let under = Double(frame.triple(y, x)[channel])
            return Int((under + share * (color - under)).rounded())
        }
    }

    private func expectColors(
        _ picture: RGBImage, row: Int = 0, column: Int = 0, share: Double,
        at location: SourceLocation = #_sourceLocation
    ) {
        var worst = 0
        for y in 0..<60 {
            for x in 0..<100 {
                for (found, wanted) in zip(
                    picture.triple(row + y, column + x), expected(y, x, share: share))
                {
                    worst = max(worst, abs(Int(found) - wanted))
                }
            }
        }
        // A value half-way between two levels may go either way in single precision.
        #expect(worst <= 1, sourceLocation: location)
    }

    @Test func colorsAreShownAsTheyAre() throws {
        var heatmap = renderer(.heatmap)
        expectColors(try heatmap.render(frame: frame, heads: colors, fused: fused, timeSeconds: 0), share: 1)
        var overlay = renderer(.overlay)
        expectColors(
            try overlay.render(frame: frame, heads: colors, fused: fused, timeSeconds: 0), share: 0.5)

        var both = renderer(.sideBySide)
        let beside = try both.render(frame: frame, heads: colors, fused: fused, timeSeconds: 0)
        expectColors(beside, share: 1)
        #expect(beside.cropped(row: 0, column: 100, height: 60, width: 100) == frame)

        var tiles = renderer(.heads)
        let grid = try #require(tiles.grid)
        #expect(grid.count == 2)
        let picture = try tiles.render(frame: frame, heads: colors, fused: fused, timeSeconds: 0)
        let origin = grid.origin(of: 1)
        expectColors(picture, row: origin.row, column: origin.column, share: 1)
    }

    /// Bicubic interpolation overshoots; colors end at black and white.
    @Test func colorsBeyondTheScaleAreClamped() throws {
        var steep = Plane(height: 3, width: 4)
        for row in 0..<3 { for column in 2..<4 { steep[row, column] = 1 } }
        var renderer = renderer(.heatmap, style: HeatStyle(interpolation: .bicubic))
        let picture = try renderer.render(
            frame: frame, heads: [steep, steep, steep], fused: fused, timeSeconds: 0)
        let row = (0..<100).map { picture.triple(30, $0)[0] }
        #expect(row.first == 0 && row.last == 255)
        #expect(zip(row, row.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test func aMethodWithoutAFusedMapHasNoTileForIt() throws {
        var renderer = renderer(.heads, fusedLabel: nil, appearance: .heat)
        let grid = try #require(renderer.grid)
        #expect(grid.count == 4)
        let picture = try renderer.render(frame: frame, heads: colors, fused: fused, timeSeconds: 0)
        var painter = HeatPainter(
            height: 60, width: 100, placement: placement,
            style: HeatStyle(alpha: 0.5, interpolation: .nearest))
        for (index, map) in colors.enumerated() {
            let origin = grid.origin(of: index + 1)
            var scaler = HeatScaler(.frame)
            #expect(
                picture.cropped(row: origin.row, column: origin.column, height: 60, width: 100)
                    == painter.overlay(scaler.heat(of: map, at: 0), on: frame))
        }
    }

    /// Only what the marker covers differs, in every tile alike, and the cell's inside stays visible.
    @Test(arguments: [View.heads, .overlay, .heatmap, .sideBySide, .mask]) func theMarkedCellIsFramed(
        view: View
    ) throws {
        var plain = renderer(view, appearance: .heat)
        var marked = renderer(view, appearance: .heat, markedCell: (row: 1, column: 2))
        let mask = Plane(height: 3, width: 4, repeating: 1)
        let before = try plain.render(
            frame: frame, heads: colors, fused: fused, mask: mask, timeSeconds: 0)
        let after = try marked.render(
            frame: frame, heads: colors, fused: fused, mask: mask, timeSeconds: 0)
        #expect(before != after)
        let tiles: [(row: Int, column: Int)] =
            switch view {
            case .heads: (0..<5).map { plain.grid?.origin(of: $0) ?? (0, 0) }
            case .sideBySide: [(0, 0), (0, 100)]
            default: [(0, 0)]
            }
        var expected = before
        for tile in tiles {
            // The cell is 20…39 × 50…74; one line of each shade lies around its border.
            for (inset, level) in [(-1, UInt8(0)), (0, 255), (1, 0)] {
                let (rows, columns) = (20 + inset..<40 - inset, 50 + inset..<75 - inset)
                for y in rows {
                    for x in columns
                    where y == rows.lowerBound || y == rows.upperBound - 1 || x == columns.lowerBound
                        || x == columns.upperBound - 1
                    {
                        expected[tile.row + y, tile.column + x] = (level, level, level)
                    }
                }
            }
        }
        #expect(after == expected)
    }

    /// The middle of three by three fine cells is where the coarse cell is; its mark is smaller.
    @Test func aCellMayBeOfAnotherGrid() throws {
        func picture(_ cell: (row: Int, column: Int), on grid: MapPlacement?) throws -> RGBImage {
            var renderer = renderer(.overlay, appearance: .heat, markedCell: cell, on: grid)
            return try renderer.render(frame: frame, heads: colors, fused: fused, timeSeconds: 0)
        }
        let coarse = try picture((1, 2), on: nil)
        let fine = try picture((4, 7), on: MapPlacement(cellHeight: 20.0 / 3, cellWidth: 25.0 / 3))
        let same = try picture((1, 2), on: MapPlacement(cellHeight: 20, cellWidth: 25))
        #expect(same == coarse && fine != coarse)
        // Where the coarse cell has its mark, the fine one has none.
        var plain = renderer(.overlay, appearance: .heat)
        let unmarked = try plain.render(frame: frame, heads: colors, fused: fused, timeSeconds: 0)
        #expect(fine.triple(20, 60) == unmarked.triple(20, 60) && coarse.triple(20, 60) == [255, 255, 255])
        #expect(fine != unmarked)
    }

    /// Marks at the border stay within their picture, and small cells get a mark that can be seen.
    @Test func marksStayInside() {
        for (row, column) in [(0, 0), (29, 49), (0, 49), (29, 0)] {
            let marker = CellMarker(
                MarkedCell(
                    row: row, column: column, placement: MapPlacement(cellHeight: 2, cellWidth: 2)),
                height: 60, width: 100)
            var image = RGBImage(height: 64, width: 110, gray: 100)
            marker.paint(on: &image, top: 2, left: 5)
            var touched = 0
            for y in 0..<64 {
                for x in 0..<110 where image.triple(y, x) != [100, 100, 100] {
                    touched += 1
                    #expect((2..<62).contains(y) && (5..<105).contains(x))
                }
            }
            #expect(touched >= 20)
        }
    }

    @Test func viewsByName() {
        #expect(View(named: "grid") == .heads && View(named: "heads") == .heads)
        #expect(View(named: "side-by-side") == .sideBySide && View(named: "Grid") == nil)
    }
}
