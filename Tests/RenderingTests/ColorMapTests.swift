import Fixtures
import Pixels
import Rendering
import Testing

private struct ColorMapGolden: Decodable {
    struct Imsave: Decodable {
        let height: Int
        let width: Int
        let valuesHex: String
        let infernoHex: String
    }
    let valuesHex: String
    let colorsHex: [String: String]
    let imsave: Imsave
}

@Suite struct ColorMapTests {
    private let golden: ColorMapGolden

    init() throws {
        golden = try decodeGolden("colormaps.json", as: ColorMapGolden.self)
    }

    @Test(arguments: ColorMap.all.map(\.name))
    func coloursAtTheBinBordersAreMatplotlibs(name: String) throws {
        let map = try #require(ColorMap.named(name))
        let values = floats(hexadecimal: golden.valuesHex)
        let expected = bytes(hexadecimal: try #require(golden.colorsHex[name]))
        #expect(values.count == 3 * 257 + 9)
        #expect(expected.count == values.count * 3)

        for (i, value) in values.enumerated() {
            let color = map.color(of: value)
            #expect(
                [color.red, color.green, color.blue] == Array(expected[i * 3..<i * 3 + 3]), "at \(value)")
        }
        // The same through the kernel: a map of one row, each cell one pixel.
        var painter = HeatPainter(
            height: 1, width: values.count, placement: MapPlacement(cellHeight: 1, cellWidth: 1),
            style: HeatStyle(colorMap: map, interpolation: .nearest))
        #expect(painter.heatmap(Plane(height: 1, width: values.count, values: values)).bytes == expected)
    }

    @Test func aRawMapLooksAsImsavePaintsIt() {
        let raw = Plane(
            height: golden.imsave.height, width: golden.imsave.width,
            values: floats(hexadecimal: golden.imsave.valuesHex))
        var scaler = HeatScaler(.frame)
        let heat = scaler.heat(of: raw, at: 0)
        let expected = RGBImage(
            height: raw.height, width: raw.width, bytes: bytes(hexadecimal: golden.imsave.infernoHex))
        #expect(ColorMap.inferno.picture(of: heat) == expected)

        // DINO enlarges by the nearest neighbor before imsave, which paints the same colors in larger squares.
        var painter = HeatPainter(
            height: raw.height * 8, width: raw.width * 8,
            placement: MapPlacement(cellHeight: 8, cellWidth: 8),
            style: HeatStyle(interpolation: .nearest))
        let large = painter.heatmap(heat)
        for row in 0..<large.height {
            for column in 0..<large.width
            where large.triple(row, column) != expected.triple(row / 8, column / 8) {
                Issue.record("differs at \(row), \(column)")
                return
            }
        }
    }

    @Test func tablesHold256ColoursAndNamesFindThem() {
        for map in ColorMap.all {
            #expect(map.table.count == 768)
            #expect(ColorMap.named(map.name) == map)
        }
        #expect(ColorMap.all.map(\.name) == ["inferno", "magma", "viridis", "plasma", "turbo", "gray"])
        #expect(ColorMap.named("jet") == nil)
        #expect(Array(ColorMap.inferno.table.prefix(3)) == [0, 0, 3])
        #expect(Array(ColorMap.inferno.table.suffix(3)) == [252, 254, 164])
    }

    @Test func notANumberIsBlack() {
        #expect(ColorMap.viridis.color(of: .nan) == (0, 0, 0))
        #expect(ColorMap.viridis.color(of: -.infinity) == (68, 1, 84))
        #expect(ColorMap.viridis.color(of: .infinity) == (253, 231, 36))
        var painter = HeatPainter(
            height: 2, width: 6, placement: MapPlacement(cellHeight: 2, cellWidth: 3),
            style: HeatStyle(colorMap: .viridis, interpolation: .nearest))
        let picture = painter.heatmap(Plane(height: 1, width: 2, values: [.nan, 0]))
        #expect(picture.triple(1, 2) == [0, 0, 0])
        #expect(picture.triple(1, 3) == [68, 1, 84])
    }
}
