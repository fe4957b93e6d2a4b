import Pixels

/// A matrix as colors, with axes that count its rows and columns and a bar that tells the colors' values.
package struct MatrixFigure: Sendable {
    package var title: String
    /// What rows and columns count.
    package var axisLabel: String
    package var valueLabel: String
    /// Colored from its smallest value to its largest.
    package var matrix: Plane
    package var colorMap: ColorMap

    package init(
        title: String, axisLabel: String, valueLabel: String, matrix: Plane, colorMap: ColorMap = .viridis
    ) {
        self.title = title
        self.axisLabel = axisLabel
        self.valueLabel = valueLabel
        self.matrix = matrix
        self.colorMap = colorMap
    }

    /// Size in pixels.
    package let height = 760
    package let width = 1000

    /// Where the matrix's longer side lies, in pixels.
    private static let left = 110.0
    private static let top = 62.0
    private static let side = 620.0

    /// The figure as pixels.
    ///
    /// - Throws: `VitvideoError` of kind `software`.
    package func image() throws -> RGBImage {
        let canvas = try Canvas.pixels(height: height, width: width)
        canvas.text(
            ChartPainter.fitted(title, font: ChartPainter.figureTitle, width: Double(width) - 48, canvas),
            x: 24, y: 36, font: ChartPainter.figureTitle, ChartPainter.ink)
        let unit = Self.side / Double(max(matrix.height, matrix.width, 1))
        let (wide, high) = (unit * Double(matrix.width), unit * Double(matrix.height))
        var scaler = HeatScaler(.frame)
        let picture = colorMap.picture(of: scaler.heat(of: matrix, at: 0))
        // Enlarged cells stay squares; a matrix larger than its place is averaged.
        canvas.draw(
            picture, x: Self.left, y: Self.top, width: wide, height: high, smooth: unit < 1)
        canvas.stroke(x: Self.left, y: Self.top, width: wide, height: high, ChartPainter.axis)
        drawAxes(canvas, unit: unit, wide: wide, high: high)
        drawBar(canvas, x: Self.left + wide + 48, high: high)
        return try canvas.image()
    }

    private func drawAxes(_ canvas: Canvas, unit: Double, wide: Double, high: Double) {
        let (left, bottom) = (Self.left, Self.top + high)
        let (font, ink, axis) = (ChartPainter.font, ChartPainter.ink, ChartPainter.axis)
        for (index, label) in Self.ticks(matrix.width) {
            let x = left + (index + 0.5) * unit
            canvas.line(through: [(x, bottom), (x, bottom + 5)], axis)
            canvas.text(label, x: x, y: bottom + 21, font: font, ink, anchor: .middle)
        }
        for (index, label) in Self.ticks(matrix.height) {
            let y = Self.top + (index + 0.5) * unit
            canvas.line(through: [(left - 5, y), (left, y)], axis)
            canvas.text(label, x: left - 9, y: y + 5, font: font, ink, anchor: .end)
        }
        canvas.text(axisLabel, x: left + wide / 2, y: bottom + 46, font: font, ink, anchor: .middle)
        canvas.text(
            axisLabel, x: 36, y: Self.top + high / 2, font: font, ink, anchor: .middle, angle: -90)
    }

    /// Round indices of rows or columns.
    private static func ticks(_ count: Int) -> [(index: Double, label: String)] {
        guard count > 1 else { return [(0, "0")] }
        let ticks = AxisTicks(low: 0, high: Double(count - 1), count: 7)
        return zip(ticks.values, ticks.labels).filter { $0.0 == $0.0.rounded() }.map { ($0, $1) }
    }

    private func drawBar(_ canvas: Canvas, x: Double, high: Double) {
        let (top, breadth) = (Self.top, 24.0)
        let colors = Plane(height: 256, width: 1, values: (0..<256).map { 1 - Float($0) / 255 })
        canvas.draw(
            colorMap.picture(of: colors), x: x, y: top, width: breadth, height: high, smooth: false)
        canvas.stroke(x: x, y: top, width: breadth, height: high, ChartPainter.axis)
        guard let range = matrix.range, range.lowerBound < range.upperBound else { return }
        let (low, span) = (Double(range.lowerBound), Double(range.upperBound - range.lowerBound))
        let ticks = AxisTicks(low: low, high: low + span, count: 6)
        for (value, label) in zip(ticks.values, ticks.labels) {
            let y = top + high - (value - low) / span * high
            canvas.line(through: [(x + breadth, y), (x + breadth + 5, y)], ChartPainter.axis)
            canvas.text(label, x: x + breadth + 9, y: y + 5, font: ChartPainter.font, ChartPainter.ink)
        }
        canvas.text(
            valueLabel, x: x + breadth + 84, y: top + high / 2, font: ChartPainter.font, ChartPainter.ink,
            anchor: .middle, angle: -90)
    }
}
