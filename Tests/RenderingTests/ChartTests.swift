import Foundation
import Pixels
import Rendering
import Testing

@Suite struct ChartTests {
    @Test func ticksAreRoundNumbers() {
        #expect(AxisTicks(low: 0, high: 10, count: 5).labels == ["0", "2", "4", "6", "8", "10"])
        #expect(AxisTicks(low: 0.38, high: 0.72, count: 5).labels == ["0.4", "0.5", "0.6", "0.7"])
        #expect(AxisTicks(low: -0.06, high: 0.05, count: 5).labels == ["-0.05", "0.00", "0.05"])
        #expect(AxisTicks(low: 5.91, high: 6.02, count: 5).labels == ["5.95", "6.00"])
        #expect(AxisTicks(low: 900, high: 4100, count: 5).labels == ["1000", "2000", "3000", "4000"])
    }

    @Test func limitsLeaveRoomAndManageWithoutValues() {
        #expect(AxisTicks.limits(of: [1.0, .nan, 3]) == (0.9, 3.1))
        #expect(AxisTicks.limits(of: [Double]()) == (0, 1))
        let single = AxisTicks.limits(of: [40.0])
        #expect(single.low == 38 && single.high == 42)
    }

    /// Two flat lines at values 0 and 1, the upper with a gap in the middle third.
    static var figure: ChartFigure {
        let xs = (0...30).map(Double.init)
        return ChartFigure(
            title: "Figure", xLabel: "time in seconds",
            charts: [
                Chart(
                    title: "Chart", yLabel: "nats",
                    series: [
                        ChartSeries(
                            name: "low", color: ChartSeries.color(0), lineWidth: 3,
                            points: xs.map { ($0, 0) }),
                        ChartSeries(
                            name: "high", color: ChartSeries.color(1), lineWidth: 3,
                            points: xs.map { ($0, (10...20).contains($0) ? .nan : 1) }),
                    ])
            ])
    }

    /// Rows of the plotted area by how many of their pixels have the color.
    static func count(_ color: CanvasColor, in image: RGBImage, row: Int, from: Int, to: Int) -> Int {
        let wanted = [color.red, color.green, color.blue].map { UInt8(($0 * 255).rounded()) }
        return (from..<to).count { image.triple(row, $0) == wanted }
    }

    @Test func linesLieWhereTheirValuesAre() throws {
        let image = try Self.figure.image()
        #expect(image.height == Self.figure.height && image.width == Self.figure.width)
        // Below the legend, which shows each color too.
        let rows = 130..<image.height
        func fullest(_ color: CanvasColor) -> (row: Int, count: Int) {
            let counts = rows.map { Self.count(color, in: image, row: $0, from: 0, to: image.width) }
            let most = counts.max() ?? 0
            return (rows.lowerBound + (counts.firstIndex(of: most) ?? 0), most)
        }
        let low = fullest(ChartSeries.color(0))
        let high = fullest(ChartSeries.color(1))
        #expect(high.row < low.row)
        // The x axis has a twentieth of room at each end, so the line takes 30/33 of 1080 pixels.
        #expect(abs(low.count - 982) < 8)
        // The gap reaches from the point at 9 to the one at 21.
        #expect(abs(high.count - 982 * 18 / 30) < 8)
        #expect(Self.count(ChartSeries.color(1), in: image, row: high.row, from: 570, to: 690) == 0)
    }

    @Test func aFigureCanBeAnSVG() throws {
        let text = String(decoding: try Self.figure.svg(), as: UTF8.self)
        #expect(text.contains("<svg") && text.hasSuffix("</svg>\n"))
    }

    @Test func aChartWithoutValuesIsDrawn() throws {
        let figure = ChartFigure(
            title: "", xLabel: "x",
            charts: [
                Chart(
                    title: "empty", yLabel: "y",
                    series: [ChartSeries(name: "none", color: .black, points: [(0, .nan)])])
            ])
        _ = try figure.image()
    }
}
