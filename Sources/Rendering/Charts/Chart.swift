import Pixels

/// One line or one cloud of points of a chart.
package struct ChartSeries: Sendable {
    package enum Marks: Sendable, Equatable {
        case line
        /// A disc at each point.
        case dots(radius: Double)
    }

    /// What the legend calls it; nil leaves it out of the legend.
    package var name: String?
    package var color: CanvasColor
    package var lineWidth: Double
    package var marks = Marks.line
    /// For lines x ascending. A y that is not finite leaves a gap.
    package var points: [(x: Double, y: Double)]

    package init(
        name: String?, color: CanvasColor, lineWidth: Double = 1.8, marks: Marks = .line,
        points: [(x: Double, y: Double)]
    ) {
        self.name = name
        self.color = color
        self.lineWidth = lineWidth
        self.marks = marks
        self.points = points
    }

    /// Colors that stay apart for color-blind eyes too (Okabe and Ito); they repeat after the last.
    package static func color(_ index: Int) -> CanvasColor {
        let levels: [(Double, Double, Double)] = [
            (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233),
            (70, 70, 70),
        ]
        let (red, green, blue) = levels[index % levels.count]
        return CanvasColor(red: red / 255, green: green / 255, blue: blue / 255)
    }
}

/// Lines and points over a common x axis.
package struct Chart: Sendable {
    package var title: String
    package var yLabel: String
    /// Later ones lie over earlier ones.
    package var series: [ChartSeries]
    /// Where the y axis begins and ends; nil for what its values take.
    package var yLimits: (low: Double, high: Double)?

    package init(
        title: String, yLabel: String, series: [ChartSeries], yLimits: (low: Double, high: Double)? = nil
    ) {
        self.title = title
        self.yLabel = yLabel
        self.series = series
        self.yLimits = yLimits
    }
}

/// Charts one below the other with one x axis for all: axes, ticks, grid lines, legends and titles.
package struct ChartFigure: Sendable {
    package var title: String
    package var xLabel: String
    package var charts: [Chart]
    /// Size in pixels.
    package let width: Int
    private let chartHeight: Int
    /// About how many numbers stand along the x axis.
    private let xTickCount: Int

    /// - Parameters:
    ///   - width: of the figure in pixels.
    ///   - chartHeight: of each chart in pixels.
    package init(
        title: String, xLabel: String, charts: [Chart], width: Int = 1200, chartHeight: Int = 270,
        xTickCount: Int = 10
    ) {
        self.title = title
        self.xLabel = xLabel
        self.charts = charts
        self.width = width
        self.chartHeight = chartHeight
        self.xTickCount = xTickCount
    }

    /// Size in pixels.
    package var height: Int { 74 + chartHeight * charts.count + 30 }

    /// The figure as pixels.
    ///
    /// - Throws: `VitvideoError` of kind `software`.
    package func image() throws -> RGBImage {
        let canvas = try Canvas.pixels(height: height, width: width)
        draw(on: canvas)
        return try canvas.image()
    }

    /// The figure as an SVG document, UTF-8.
    ///
    /// - Throws: `VitvideoError` of kind `software`.
    package func svg() throws -> [UInt8] {
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
                canvas: canvas, top: 74 + Double(chartHeight * index), height: Double(chartHeight), left: 92,
                right: Double(width) - 28, x: x, xTickCount: xTickCount
            ).draw(chart, xLabel: index == charts.count - 1 ? xLabel : nil)
        }
    }
}
