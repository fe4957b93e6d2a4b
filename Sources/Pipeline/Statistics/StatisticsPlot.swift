import Base
import Files
import Glibc
import Rendering
import VideoIO

/// Draws the statistics over time, to a PNG or SVG file as the name's extension says: entropies, mass in the top
/// patches, correlation with the frame before, and correlations between subjects where there are several.
package final class StatisticsPlot: StatisticsOutput {
    package var path: String { file.path }
    private let title: String
    private let quantity: String
    private let subjects: [StatisticsSubject]
    private let file: PlotFile
    /// By subject; columns as `columns(of:)` gives them.
    private var series: [ThinnedSeries]

    /// - Parameters:
    ///   - title: the figure's heading, which names the clip.
    ///   - quantity: what the maps are of: "attention", "rollout".
    /// - Throws: as `PlotFile.init`.
    package init(
        path: String, overwrite: Bool, title: String, quantity: String = "attention",
        subjects: [StatisticsSubject]
    ) throws {
        self.title = title
        self.quantity = quantity
        self.subjects = subjects
        series = subjects.map { _ in ThinnedSeries() }
        file = try PlotFile(path, overwrite: overwrite)
    }

    package func add(_ statistics: [FrameStatistics], frame: Int, timeSeconds: Double) {
        for (index, figures) in statistics.enumerated() {
            series[index].append(time: timeSeconds, values: Self.columns(of: figures))
        }
    }

    package func finish(as name: String?) throws {
        for index in series.indices { series[index].finish() }
        try file.finish(figure(), as: name)
    }

    package func abandon() { file.abandon() }

    package var temporaryPaths: [String] { file.temporaryPaths }

    /// entropy, top mass, previous correlation, then the correlations with every subject, then the parts'
    /// entropies.
    private static func columns(of statistics: FrameStatistics) -> [Double] {
        [statistics.entropy, statistics.topMass, statistics.previousCorrelation] + statistics.correlations
            + statistics.partEntropies
    }

    private func figure() -> ChartFigure {
        var charts = [
            Chart(
                title: "Entropy of the \(quantity) map" + (hasParts ? " (thin: single \(partsName))" : ""),
                yLabel: "nats", series: partEntropies() + lines(column: 0)),
            Chart(
                title: "Share of the \(quantity) in the top 10 % of patches", yLabel: "share",
                series: lines(column: 1)),
            Chart(
                title: "Correlation with the frame before", yLabel: "correlation", series: lines(column: 2)),
        ]
        if subjects.count > 1 {
            charts.append(
                Chart(title: "Correlation between the maps", yLabel: "correlation", series: pairs()))
        }
        return ChartFigure(title: title, xLabel: "time in seconds", charts: charts)
    }

    private var hasParts: Bool { subjects.contains { $0.partNames.count > 1 } }

    /// "heads" for parts called "head 0" and so on; "maps" where they have names of their own.
    private var partsName: String {
        let words = Set(subjects.flatMap(\.partNames).map { $0.split(separator: " ").first ?? "" })
        return words.count == 1 ? words.map { "\($0)s" }[0] : "maps"
    }

    private func points(_ subject: Int, _ column: Int) -> [(x: Double, y: Double)] {
        series[subject].rows.map { ($0.time, $0.values[column]) }
    }

    private func lines(column: Int) -> [ChartSeries] {
        subjects.indices.map { index in
            ChartSeries(
                name: subjects[index].name, color: ChartSeries.color(index), points: points(index, column))
        }
    }

    private func partEntropies() -> [ChartSeries] {
        subjects.indices.flatMap { index -> [ChartSeries] in
            guard subjects[index].partNames.count > 1 else { return [] }
            var color = ChartSeries.color(index)
            color.alpha = 0.45
            return subjects[index].partNames.indices.map { part in
                ChartSeries(
                    name: nil, color: color, lineWidth: 1, points: points(index, 3 + subjects.count + part))
            }
        }
    }

    private func pairs() -> [ChartSeries] {
        var lines: [ChartSeries] = []
        for first in subjects.indices {
            for second in subjects.indices where second > first {
                lines.append(
                    ChartSeries(
                        name: "\(subjects[first].name) – \(subjects[second].name)",
                        color: ChartSeries.color(lines.count), points: points(first, 3 + second)))
            }
        }
        return lines
    }
}
