import Pixels
import Rendering
import Testing

@Suite struct ViewRendererTests {
    let frame = noiseImage(height: 118, width: 203)
    /// 16-pixel cells of a 7 × 12 map leave 6 rows and 11 columns of the frame beyond it.
    let placement = MapPlacement(cellHeight: 16, cellWidth: 16)
    let fused = noiseMap(height: 7, width: 12, seed: 5, in: 0...0.01)
    let heads = (0..<3).map { noiseMap(height: 7, width: 12, seed: 20 + UInt64($0), in: 0...0.01) }

    func renderer(_ view: View, style: HeatStyle = HeatStyle()) -> ViewRenderer {
        ViewRenderer(
            view: view, style: style, frameHeight: 118, frameWidth: 203, placement: placement,
            headLabels: ["head 0", "head 1", "head 2"])
    }

    func heat(_ map: Plane) -> Plane {
        var scaler = HeatScaler(.frame)
        return scaler.heat(of: map, at: 0)
    }

    @Test func eachViewHasTheSizeItPromises() throws {
        for view in View.allCases {
            var renderer = renderer(view)
            let out = try renderer.render(
                frame: frame, heads: heads, fused: fused, mask: Plane(height: 7, width: 12, repeating: 1),
                timeSeconds: 0)
            #expect(out.height == renderer.outputHeight && out.width == renderer.outputWidth, "\(view)")
        }
        #expect(renderer(.overlay).outputHeight == 118 && renderer(.overlay).outputWidth == 203)
        #expect(renderer(.sideBySide).outputWidth == 406)
        #expect(View(rawValue: "side-by-side") == .sideBySide)
    }

    @Test func headsShowsFrameMeanAndEachHeadByItsOwnScale() throws {
        var renderer = renderer(.heads)
        let grid = try #require(renderer.grid)
        #expect(grid.count == 5 && grid.tileHeight == 118 && grid.tileWidth == 203)
        // A head a thousand times weaker than the others must look as lively.
        let weak = Plane(height: 7, width: 12, values: heads[1].values.map { $0 / 1024 })
        let out = try renderer.render(
            frame: frame, heads: [heads[0], weak, heads[2]], fused: fused, timeSeconds: 0)
        func tile(_ index: Int) -> RGBImage {
            let origin = grid.origin(of: index)
            return out.cropped(row: origin.row, column: origin.column, height: 118, width: 203)
        }
        var painter = HeatPainter(height: 118, width: 203, placement: placement, style: HeatStyle())
        #expect(tile(0) == frame)
        for (index, map) in ([fused] + heads).enumerated() {
            #expect(tile(index + 1) == painter.overlay(heat(map), on: frame), "tile \(index + 1)")
        }
    }

    @Test func largeFramesAreShrunkOnceAndMapsWithThem() throws {
        let large = noiseImage(height: 720, width: 1280)
        let placement = MapPlacement(cellHeight: 22.5, cellWidth: 22.5)
        var renderer = ViewRenderer(
            view: .heads, style: HeatStyle(alpha: 1, interpolation: .nearest), frameHeight: 720,
            frameWidth: 1280, placement: placement, headLabels: (0..<6).map { "head \($0)" })
        // One hot cell; its center in the frame must be its center in the tile.
        var map = Plane(height: 32, width: 56)
        map[20, 37] = 0.5
        let out = try renderer.render(
            frame: large, heads: Array(repeating: map, count: 6), fused: map, timeSeconds: 0)
        let grid = try #require(renderer.grid)
        #expect(out.width <= 1920 && grid.columns == 4 && grid.rows == 2)
        let hot = ColorMap.inferno.color(of: 1)
        for index in 1..<8 {
            let origin = grid.origin(of: index)
            var rows: [Int] = []
            var columns: [Int] = []
            for y in 0..<grid.tileHeight {
                for x in 0..<grid.tileWidth where out[origin.row + y, origin.column + x] == hot {
                    rows.append(y)
                    columns.append(x)
                }
            }
            let scale = Double(grid.tileWidth) / 1280
            #expect(abs(Double(rows.reduce(0, +)) / Double(rows.count) + 0.5 - 20.5 * 22.5 * scale) < 0.6)
            #expect(
                abs(Double(columns.reduce(0, +)) / Double(columns.count) + 0.5 - 37.5 * 22.5 * scale) < 0.6)
        }
        var resizer = Resizer(
            frameHeight: 720, frameWidth: 1280, height: grid.tileHeight, width: grid.tileWidth)
        #expect(
            out.cropped(
                row: grid.origin(of: 0).row, column: grid.origin(of: 0).column, height: grid.tileHeight,
                width: grid.tileWidth) == resizer(large))
    }

    @Test func overlayHeatmapAndSideBySideShowTheFusedMap() throws {
        var painter = HeatPainter(height: 118, width: 203, placement: placement, style: HeatStyle())
        var (overlay, heatmap, both) = (renderer(.overlay), renderer(.heatmap), renderer(.sideBySide))
        let expected = painter.heatmap(heat(fused))
        #expect(
            try overlay.render(frame: frame, heads: [], fused: fused, timeSeconds: 0)
                == painter.overlay(heat(fused), on: frame))
        #expect(try heatmap.render(frame: frame, heads: [], fused: fused, timeSeconds: 0) == expected)
        let pair = try both.render(frame: frame, heads: [], fused: fused, timeSeconds: 0)
        #expect(pair.cropped(row: 0, column: 0, height: 118, width: 203) == expected)
        #expect(pair.cropped(row: 0, column: 203, height: 118, width: 203) == frame)
    }

    @Test func theMapKeepsItsPlaceWhereTheFrameWasCropped() throws {
        var renderer = renderer(.heatmap, style: HeatStyle(interpolation: .nearest))
        var map = Plane(height: 7, width: 12)
        map[6, 11] = 1
        map[2, 3] = 1
        let out = try renderer.render(frame: frame, heads: [], fused: map, timeSeconds: 0)
        let (hot, cold) = (ColorMap.inferno.color(of: 1), ColorMap.inferno.color(of: 0))
        // An inner cell covers exactly its own pixels, the last one also what was cropped.
        #expect(out[32, 48] == hot && out[47, 63] == hot)
        #expect(out[31, 48] == cold && out[32, 47] == cold && out[48, 63] == cold && out[47, 64] == cold)
        #expect(out[96, 176] == hot && out[117, 202] == hot && out[95, 202] == cold && out[117, 175] == cold)
    }

    @Test func theMaskViewKeepsPatchesInColour() throws {
        var renderer = renderer(.mask)
        var mask = Plane(height: 7, width: 12)
        mask[3, 4] = 1
        let out = try renderer.render(frame: frame, heads: [], fused: fused, mask: mask, timeSeconds: 0)
        #expect(out.triple(56, 72) == frame.triple(56, 72))
        #expect(out.triple(48, 64) == [255, 255, 255])
        #expect(out.triple(20, 20).allSatisfy { $0 <= 77 })
    }

    /// Ranges without maps leave a renderer where drawing would.
    @Test(arguments: View.allCases) func aRendererFollowsWithoutDrawing(view: View) throws {
        let style = HeatStyle(scale: .smooth(halfLifeSeconds: 1))
        var drawing = renderer(view, style: style)
        var following = drawing
        let mask = Plane(height: 7, width: 12)
        for step in 0..<4 {
            let grown = heads.enumerated().map { index, head in
                Plane(height: 7, width: 12, values: head.values.map { $0 * Float(1 + step * index) })
            }
            let seconds = Double(step * step) / 5
            _ = try drawing.render(
                frame: frame, heads: grown, fused: grown[step % 3], mask: mask, timeSeconds: seconds)
            var rest = (following.ranges(heads: grown, fused: grown[step % 3]) + [7])[...]
            following.follow(&rest, at: seconds)
            #expect(Array(rest) == [7], "it takes what is its own")
            #expect(following.scaleMemory == drawing.scaleMemory)
        }
        #expect(drawing.scaleMemory.contains { $0 != nil } == (view != .mask))
    }

    @Test func smoothScalesRememberEachMapSeparately() throws {
        let style = HeatStyle(scale: .smooth(halfLifeSeconds: 1))
        var smooth = renderer(.heads, style: style)
        var plain = renderer(.heads)
        let doubled = heads.enumerated().map { index, head in
            Plane(height: 7, width: 12, values: head.values.map { $0 * Float(index + 1) })
        }
        let first = try smooth.render(frame: frame, heads: heads, fused: fused, timeSeconds: 0)
        #expect(try first == plain.render(frame: frame, heads: heads, fused: fused, timeSeconds: 0))
        let second = try smooth.render(frame: frame, heads: doubled, fused: fused, timeSeconds: 0.5)
        let grid = try #require(smooth.grid)
        // Frame, mean and head 0 did not change; heads 1 and 2 grew faster than their ranges follow.
        for index in 0..<5 {
            let origin = grid.origin(of: index)
            let before = first.cropped(row: origin.row, column: origin.column, height: 118, width: 203)
            let after = second.cropped(row: origin.row, column: origin.column, height: 118, width: 203)
            #expect((before == after) == (index < 3), "tile \(index)")
        }
    }
}
