import Pixels

/// One line of a chart.
public struct ChartSeries: Sendable {
    /// What the legend calls it; nil leaves it out of the legend.
    public var name: String?
    public var color: CanvasColor
    public var lineWidth: Double
    /// x ascending. A y that is not finite leaves a gap.
    public var points: [(x: Double, y: Double)]

    public init(
        name: String?, color: CanvasColor, lineWidth: Double = 1.8, points: [(x: Double, y: Double)]
    ) {
        self.name = name
        self.color = color
        self.lineWidth = lineWidth
        self.points = points
    }

    /// Colours that stay apart for colour-blind eyes too (Okabe and Ito); they repeat after the last.
    public static func color(_ index: Int) -> CanvasColor {
        let levels: [(Double, Double, Double)] = [
            (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233),
            (70, 70, 70),
        ]
        let (red, green, blue) = levels[index % levels.count]
        return CanvasColor(red: red / 255, green: green / 255, blue: blue / 255)
    }
}

/// Lines over a common x axis.
public struct Chart: Sendable {
    public var title: String
    public var yLabel: String
    /// Later ones lie over earlier ones.
    public var series: [ChartSeries]

    public init(title: String, yLabel: String, series: [ChartSeries]) {
        self.title = title
        self.yLabel = yLabel
        self.series = series
    }
}

/// Charts one below the other with one x axis for all: axes, ticks, grid lines, legends and titles.
public struct ChartFigure: Sendable {
    public var title: String
    public var xLabel: String
    public var charts: [Chart]

    public init(title: String, xLabel: String, charts: [Chart]) {
        self.title = title
        self.xLabel = xLabel
        self.charts = charts
    }

    /// Size in pixels.
    public var width: Int { 1200 }
    public var height: Int { 74 + 270 * charts.count + 30 }

    /// The figure as pixels.
    ///
    /// - Throws: `RenderingError` of kind `drawingFailed`.
    public func image() throws -> RGBImage {
        let canvas = try Canvas.pixels(height: height, width: width)
        draw(on: canvas)
        return try canvas.image()
    }

    /// The figure as an SVG document, UTF-8.
    ///
    /// - Throws: `RenderingError` of kind `drawingFailed`.
    public func svg() throws -> [UInt8] {
        let canvas = try Canvas.svg(height: height, width: width)
        draw(on: canvas)
        return try canvas.svg()
    }

    private func draw(on canvas: Canvas) {
        canvas.text(
            ChartPainter.fitted(title, font: ChartPainter.figureTitle, width: Double(width) - 48, canvas),
            x: 24, y: 36, font: ChartPainter.figureTitle, ChartPainter.ink)
        let x = AxisTicks.limits(of: charts.flatMap { $0.series.flatMap { $0.points.lazy.map(\.x) } })
        for (index, chart) in charts.enumerated() {
            ChartPainter(
                canvas: canvas, top: 74 + 270 * Double(index), height: 270, left: 92,
                right: Double(width) - 28, x: x
            ).draw(chart, xLabel: index == charts.count - 1 ? xLabel : nil)
        }
    }
}
