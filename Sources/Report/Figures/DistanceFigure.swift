import Base
import Glibc
import Methods
import NumPy
import Rendering
import ViT

/// One model's mean attention distance over all pictures: gathered as they come, drawn at the end.
///
/// The archive holds `mean_attention_distance` float64 [blocks, heads] and `per_picture` float64
/// [pictures, blocks, heads], both in pixels of the model's input; heads that a block does not have, or by which no patch
/// asks, are NaN. The distances of single pictures go to the disk at once.
final class DistanceFigure {
    let subject: any ReportModel
    private(set) var mean = DistanceMean()
    private let writer: FigureWriter
    private let archive: NPZWriter
    private let means: NPZArrayWriter
    private let perPicture: NPZArrayWriter
    /// Of the layer that has most.
    private let heads: Int

    /// - Throws: `VitvideoError`.
    init(_ subject: any ReportModel, writer: FigureWriter) throws {
        self.subject = subject
        self.writer = writer
        heads = subject.headCounts.max() ?? 0
        archive = try writer.begin(Self.name(subject))
        means = try archive.array(named: "mean_attention_distance", element: .float64, rowShape: [heads])
        perPicture = try archive.array(
            named: "per_picture", element: .float64, rowShape: [subject.headCounts.count, heads])
    }

    /// As many values as the archive has heads.
    private func padded(_ values: [Double]) -> [Double] {
        values + [Double](repeating: .nan, count: heads - values.count)
    }

    /// - Parameter distances: `blocks × heads` in pixels, of one picture.
    /// - Throws: `VitvideoError`.
    func add(_ distances: [[Double]]) throws {
        mean.add(distances)
        try perPicture.append(distances.flatMap(padded))
    }

    /// - Parameter yLimits: of the axis, so that figures of several models can be compared.
    /// - Throws: `VitvideoError`.
    func finish(yLimits: (low: Double, high: Double)) throws -> PageFigure {
        for heads in mean.mean { try means.append(padded(heads)) }
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
            heads.filter(\.isFinite).map { (x: Double(block), y: $0) }
        }
        let line = distances.enumerated().compactMap { block, heads in
            heads.allSatisfy(\.isFinite)
                ? (x: Double(block), y: heads.reduce(0, +) / Double(max(heads.count, 1))) : nil
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
        let layers = mean.mean.filter { $0.allSatisfy(\.isFinite) }
        guard let first = layers.first, let last = layers.last else {
            return mean.pictures == 0 ? "no pictures" : "no patch looks at patches"
        }
        func range(_ heads: [Double]) -> String {
            formatted("%.0f to %.0f", heads.min() ?? 0, heads.max() ?? 0)
        }
        return "\(range(first)) in the first layer, \(range(last)) in the last"
    }

    private static func name(_ subject: any ReportModel) -> String {
        "\(ReportSection.distance.name)-\(subject.fileName)"
    }
}
