/// Draws one chart into a band of a canvas.
struct ChartPainter {
    static let figureTitle = CanvasFont(size: 22, bold: true)
    static let ink = CanvasColor(gray: 0.13)
    private static let faint = CanvasColor(gray: 0.88)
    static let axis = CanvasColor(gray: 0.45)
    static let titleFont = CanvasFont(size: 16, bold: true)
    static let font = CanvasFont(size: 14)

    let canvas: Canvas
    let top: Double
    let height: Double
    /// Where the plotted area begins and ends, in pixels.
    let left: Double
    let right: Double
    let x: (low: Double, high: Double)
    let xTickCount: Int

    /// - Parameter xLabel: nil where another chart below carries it.
    func draw(_ chart: Chart, xLabel: String?) {
        canvas.text(chart.title, x: left, y: top + 16, font: Self.titleFont, Self.ink)
        let legendRows = drawLegend(chart)
        let area = Area(
            top: top + 28 + 20 * Double(legendRows), bottom: top + height - 34,
            y: chart.yLimits ?? AxisTicks.limits(of: chart.series.flatMap { $0.points.lazy.map(\.y) }))
        drawGrid(area, yLabel: chart.yLabel)
        canvas.clipped(x: left, y: area.top, width: right - left, height: area.bottom - area.top) {
            for series in chart.series { draw(series, in: area) }
        }
        canvas.stroke(
            x: left, y: area.top, width: right - left, height: area.bottom - area.top, Self.axis)
        if let xLabel {
            canvas.text(
                xLabel, x: (left + right) / 2, y: area.bottom + 42, font: Self.font, Self.ink,
                anchor: .middle)
        }
    }

    /// The text, cut with an ellipsis where it is wider than that.
    static func fitted(_ text: String, font: CanvasFont, width: Double, _ canvas: Canvas) -> String {
        var shown = text
        while !shown.isEmpty, canvas.measure(shown, font: font).width > width {
            let kept = shown.hasSuffix("…") ? shown.dropLast(2) : shown.dropLast()
            shown = kept.isEmpty ? "" : kept + "…"
        }
        return shown
    }

    /// The plotted area's vertical extent, in pixels and in values.
    private struct Area {
        let top: Double
        let bottom: Double
        let y: (low: Double, high: Double)

        func row(of value: Double) -> Double {
            bottom - (value - y.low) / (y.high - y.low) * (bottom - top)
        }
    }

    private func column(of value: Double) -> Double {
        left + (value - x.low) / (x.high - x.low) * (right - left)
    }

    /// - Returns: how many rows it takes.
    private func drawLegend(_ chart: Chart) -> Int {
        var (row, from) = (0, left)
        for series in chart.series {
            guard let name = series.name else { continue }
            let text = Self.fitted(name, font: Self.font, width: right - left - 36, canvas)
            let width = 36 + canvas.measure(text, font: Self.font).width
            if from > left && from + width > right { (row, from) = (row + 1, left) }
            let y = top + 38 + 20 * Double(row)
            switch series.marks {
            case .line:
                canvas.line(
                    through: [(from, y - 5), (from + 24, y - 5)], series.color,
                    lineWidth: series.lineWidth + 1)
            case .dots(let radius):
                canvas.discs(at: [(from + 12, y - 5)], radius: radius, series.color)
            }
            canvas.text(text, x: from + 30, y: y, font: Self.font, Self.ink)
            from += width + 22
        }
        return from > left ? row + 1 : 0
    }

    private func drawGrid(_ area: Area, yLabel: String) {
        let vertical = AxisTicks(low: area.y.low, high: area.y.high, count: 5)
        for (value, label) in zip(vertical.values, vertical.labels) {
            let row = area.row(of: value)
            canvas.line(through: [(left, row), (right, row)], Self.faint)
            canvas.line(through: [(left - 5, row), (left, row)], Self.axis)
            canvas.text(label, x: left - 9, y: row + 5, font: Self.font, Self.ink, anchor: .end)
        }
        let horizontal = AxisTicks(low: x.low, high: x.high, count: xTickCount)
        for (value, label) in zip(horizontal.values, horizontal.labels) {
            let column = column(of: value)
            canvas.line(through: [(column, area.top), (column, area.bottom)], Self.faint)
            canvas.line(through: [(column, area.bottom), (column, area.bottom + 5)], Self.axis)
            canvas.text(label, x: column, y: area.bottom + 20, font: Self.font, Self.ink, anchor: .middle)
        }
        canvas.text(
            yLabel, x: 26, y: (area.top + area.bottom) / 2, font: Self.font, Self.ink, anchor: .middle,
            angle: -90)
    }

    private func draw(_ series: ChartSeries, in area: Area) {
        if case .dots(let radius) = series.marks {
            let shown = series.points.filter { $0.y.isFinite }
            canvas.discs(
                at: shown.map { (column(of: $0.x), area.row(of: $0.y)) }, radius: radius, series.color)
            return
        }
        var run: [(x: Double, y: Double)] = []
        func drawRun() {
            // A point without neighbors would be no line at all.
            if run.count == 1 {
                canvas.discs(at: run, radius: series.lineWidth + 1.5, series.color)
            } else {
                canvas.line(through: run, series.color, lineWidth: series.lineWidth)
            }
            run.removeAll(keepingCapacity: true)
        }
        for point in series.points {
            if point.y.isFinite {
                run.append((column(of: point.x), area.row(of: point.y)))
            } else if !run.isEmpty {
                drawRun()
            }
        }
        if !run.isEmpty { drawRun() }
    }
}
