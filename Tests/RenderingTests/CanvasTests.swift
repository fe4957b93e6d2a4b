import Base
import Pixels
import Rendering
import Testing

@Suite struct CanvasTests {
    /// Rows and columns of all pixels darker than half.
    func inked(_ image: RGBImage) -> (rows: ClosedRange<Int>, columns: ClosedRange<Int>)? {
        var rows: [Int] = []
        var columns: [Int] = []
        for y in 0..<image.height {
            for x in 0..<image.width where image[y, x].green < 128 {
                rows.append(y)
                columns.append(x)
            }
        }
        guard let top = rows.min(), let bottom = rows.max(), let left = columns.min(),
            let right = columns.max()
        else { return nil }
        return (top...bottom, left...right)
    }

    @Test func shapesCoverTheirPixelsInTheirColours() throws {
        let canvas = try Canvas.pixels(height: 40, width: 60)
        canvas.fill(x: 5, y: 6, width: 10, height: 3, CanvasColor(red: 1, green: 0, blue: 0.2))
        canvas.line(through: [(30, 0), (30, 40)], .black, lineWidth: 2)
        canvas.discs(at: [(45.5, 20.5)], radius: 4, CanvasColor(red: 0, green: 0, blue: 1))
        let image = try canvas.image()
        #expect(image.triple(6, 5) == [255, 0, 51] && image.triple(8, 14) == [255, 0, 51])
        #expect(image.triple(5, 5) == [255, 255, 255] && image.triple(9, 14) == [255, 255, 255])
        #expect(image.triple(20, 29) == [0, 0, 0] && image.triple(20, 30) == [0, 0, 0])
        #expect(image.triple(20, 28) == [255, 255, 255] && image.triple(20, 31) == [255, 255, 255])
        #expect(image.triple(20, 45) == [0, 0, 255] && image.triple(20, 50) == [255, 255, 255])
    }

    @Test func outlinesDashesAndClipping() throws {
        let canvas = try Canvas.pixels(height: 30, width: 40)
        canvas.stroke(x: 2.5, y: 2.5, width: 10, height: 10, .black)
        canvas.line(through: [(20, 5.5), (40, 5.5)], .black, dashes: [2, 3])
        canvas.clipped(x: 0, y: 20, width: 5, height: 5) {
            canvas.fill(x: 0, y: 0, width: 40, height: 30, .black)
        }
        let image = try canvas.image()
        #expect(
            image[2, 7].red == 0 && image[12, 7].red == 0 && image[7, 2].red == 0 && image[7, 7].red == 255)
        #expect((20..<30).map { image[5, $0].red } == [0, 0, 255, 255, 255, 0, 0, 255, 255, 255])
        #expect(image[20, 4].red == 0 && image[20, 5].red == 255 && image[25, 0].red == 255)
    }

    @Test func picturesAreDrawnWhereAndHowTheyShould() throws {
        let picture = noiseImage(height: 3, width: 5)
        let canvas = try Canvas.pixels(height: 30, width: 40)
        canvas.draw(picture, x: 10, y: 6, width: 5, height: 3)
        canvas.draw(picture, x: 20, y: 12, width: 20, height: 12, smooth: false)
        let image = try canvas.image()
        #expect(image.cropped(row: 6, column: 10, height: 3, width: 5) == picture)
        #expect(image.triple(5, 10) == [255, 255, 255] && image.triple(6, 9) == [255, 255, 255])
        #expect(image.triple(12, 20) == picture.triple(0, 0) && image.triple(23, 39) == picture.triple(2, 4))
        #expect(image.triple(15, 23) == picture.triple(0, 0) && image.triple(16, 24) == picture.triple(1, 1))
    }

    @Test func textStandsAtItsAnchor() throws {
        let font = CanvasFont(size: 20)
        func place(_ anchor: TextAnchor, angle: Double = 0) throws -> (ClosedRange<Int>, ClosedRange<Int>) {
            let canvas = try Canvas.pixels(height: 200, width: 200)
            canvas.text("HEH", x: 100, y: 100, font: font, .black, anchor: anchor, angle: angle)
            let ink = try #require(inked(canvas.image()))
            return (ink.rows, ink.columns)
        }
        let canvas = try Canvas.pixels(height: 10, width: 10)
        let width = canvas.measure("HEH", font: font).width
        #expect(width > 30 && width < 60)
        let (startRows, startColumns) = try place(.start)
        // Capitals stand on the baseline and are about 0.73 em high.
        #expect((98...100).contains(startRows.upperBound) && (13...16).contains(startRows.count))
        #expect((100...104).contains(startColumns.lowerBound))
        let (_, endColumns) = try place(.end)
        #expect((95...100).contains(endColumns.upperBound))
        let (_, middleColumns) = try place(.middle)
        #expect(abs(middleColumns.lowerBound + middleColumns.upperBound - 199) <= 2)
        let (upRows, upColumns) = try place(.start, angle: -90)
        #expect(upRows.upperBound <= 100 && upRows.count > 30 && upColumns.upperBound <= 100)
    }

    @Test func textGrowsWithItsLengthAndSize() throws {
        let canvas = try Canvas.pixels(height: 10, width: 10)
        let plain = canvas.measure("attention", font: CanvasFont(size: 20)).width
        #expect(abs(canvas.measure("attention", font: CanvasFont(size: 40)).width - 2 * plain) < 1)
        #expect(canvas.measure("attention distance", font: CanvasFont(size: 20)).width > plain * 1.5)
        #expect(canvas.measure("", font: CanvasFont(size: 20)).width == 0)
        // A family that nobody has falls back to one that is there.
        #expect(canvas.measure("a", font: CanvasFont(size: 20, family: "No Such Family")).width > 0)
    }

    @Test func boldTextIsDarker() throws {
        func darkness(bold: Bool) throws -> Int {
            let canvas = try Canvas.pixels(height: 80, width: 400)
            canvas.text("attention", x: 10, y: 60, font: CanvasFont(size: 50, bold: bold), .black)
            return try canvas.image().bytes.reduce(0) { $0 + 255 - Int($1) }
        }
        #expect(try Double(darkness(bold: true)) > 1.1 * Double(darkness(bold: false)))
    }

    @Test func aCanvasOfShapesBecomesAnSVGDocument() throws {
        let canvas = try Canvas.svg(height: 120, width: 240)
        canvas.line(through: [(10, 10), (200, 100)], CanvasColor(red: 1, green: 0, blue: 0), lineWidth: 3)
        canvas.text("entropy", x: 20, y: 60, font: CanvasFont(size: 14), .black)
        let text = String(decoding: try canvas.svg(), as: UTF8.self)
        #expect(text.hasPrefix("<?xml") && text.hasSuffix("</svg>\n"))
        #expect(text.contains("240") && text.contains("120") && text.contains("<path"))
        let error = #expect(throws: VitvideoError.self) { try Canvas.svg(height: 9, width: 9).image() }
        #expect(error?.kind == .software)
    }

    @Test func whatCannotBeDrawnIsAnErrorInCairosWords() throws {
        let error = #expect(throws: VitvideoError.self) { try Canvas.pixels(height: 10, width: 40_000) }
        #expect(error?.kind == .software)
        #expect(error?.description.contains("40000×10") == true)
        #expect(error?.description.contains("invalid value") == true)
        #expect(throws: VitvideoError.self) { try Canvas.pixels(height: 5, width: 5).svg() }
    }
}
