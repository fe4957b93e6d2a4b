import Base
import Glibc
import Methods
import NumPy
import Rendering
import ViT

/// One model's mean attention distance over all pictures: gathered as they come, drawn at the end.
///
/// The archive holds `mean_attention_distance` float64 [blocks, heads] and `per_picture` float64
/// [pictures, blocks, heads], both in pixels of the model's input. The distances of single pictures go to the
/// disk at once.
final class DistanceFigure {
    let subject: ReportSubject
    private(set) var mean = DistanceMean()
    private let writer: FigureWriter
    private let archive: NPZWriter
    private let means: NPZArrayWriter
    private let perPicture: NPZArrayWriter

    /// - Throws: `VitvideoError`.
    init(_ subject: ReportSubject, writer: FigureWriter) throws {
        self.subject = subject
        self.writer = writer
        let c = subject.model.configuration
        archive = try writer.begin(Self.name(subject))
        means = try archive.array(
            named: "mean_attention_distance", element: .float64, rowShape: [c.heads])
        perPicture = try archive.array(
            named: "per_picture", element: .float64, rowShape: [c.depth, c.heads])
    }

    /// - Parameter distances: `blocks × heads` in pixels, of one picture.
    /// - Throws: `VitvideoError`.
    func add(_ distances: [[Double]]) throws {
        mean.add(distances)
        try perPicture.append(distances.flatMap { $0 })
    }

    /// - Parameter yLimits: of the axis, so that figures of several models can be compared.
    /// - Throws: `VitvideoError`.
    func finish(yLimits: (low: Double, high: Double)) throws -> PageFigure {
        for heads in mean.mean { try means.append(heads) }
        try archive.add("meta", text: try subject.provenance(version: writer.version).json())
        try archive.finish()
        let name = Self.name(subject)
        return try writer.write(
            name, Self.chart(mean.mean, title: title, yLimits: yLimits),
            text: "\(title), in pixels, by layer: " + summary, arrays: FigureWriter.archive(name))
    }

    /// One dot a head, and a line through the means of the layers.
    static func chart(
        _ distances: [[Double]], title: String, yLimits: (low: Double, high: Double)
    ) -> ChartFigure {
        let dots = distances.enumerated().flatMap { block, heads in
            heads.map { (x: Double(block), y: $0) }
        }
        let line = distances.enumerated().map { block, heads in
            (x: Double(block), y: heads.reduce(0, +) / Double(max(heads.count, 1)))
        }
        var blue = ChartSeries.color(0)
        blue.alpha = 0.75
        return ChartFigure(
            title: title, xLabel: "layer",
            charts: [
                Chart(
                    title: "Mean attention distance of each head", yLabel: "distance in pixels",
                    series: [
                        ChartSeries(
                            name: "mean over heads", color: ChartSeries.color(1), points: line),
                        ChartSeries(
                            name: "one head", color: blue, marks: .dots(radius: 5), points: dots),
                    ], yLimits: yLimits)
            ], width: HeatTiles.maximumWidth, chartHeight: 440,
            xTickCount: min(distances.count + 2, 32))
    }

    private var title: String {
        "\(subject.name), \(mean.pictures) picture\(mean.pictures == 1 ? "" : "s")"
    }

    private var summary: String {
        guard let first = mean.mean.first, let last = mean.mean.last else { return "no pictures" }
        func range(_ heads: [Double]) -> String {
            formatted("%.0f to %.0f", heads.min() ?? 0, heads.max() ?? 0)
        }
        return "\(range(first)) in the first layer, \(range(last)) in the last"
    }

    private static func name(_ subject: ReportSubject) -> String {
        "\(ReportSection.distance.name)-\(subject.fileName)"
    }
}
