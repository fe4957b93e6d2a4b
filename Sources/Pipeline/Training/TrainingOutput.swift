import Base
import Files
import Rendering
import Training
import VideoIO

/// What is written of a training run beside the model: made before the run, so that a bad output is found at once, and filled
/// after it from the history, so that a resumed run's is whole.
package protocol TrainingOutput: AnyObject {
    /// Unfinished files, to remove where the process ends at once.
    var temporaryPaths: [String] { get }
    /// Writes and names it.
    func finish(_ course: TrainingCourse) throws
    /// Removes what was written.
    func abandon()
}

/// How a run went.
package struct TrainingCourse {
    package let history: TrainingHistory
    /// Steps of an epoch, and of the run.
    let batches: Int
    let steps: Int
    /// What to call it.
    let title: String

    package init(_ history: TrainingHistory, batches: Int, epochs: Int, title: String) {
        (self.history, self.batches, self.title) = (history, batches, title)
        steps = batches * epochs
    }

    /// The loss by step, of neighbors the mean where there are many.
    func losses(limit: Int) -> [(x: Double, y: Double)] {
        var series = ThinnedSeries(limit: limit)
        for (index, step) in history.steps.enumerated() {
            series.append(time: Double(index + 1), values: [Double(step.loss)])
        }
        series.finish()
        return series.rows.map { ($0.time, $0.values[0]) }
    }

    /// A figure of each epoch, at its last step.
    func ofEpochs(_ value: (TrainingHistory.Epoch) -> Double?) -> [(x: Double, y: Double)] {
        history.epochs.enumerated().map {
            (x: Double(($0.offset + 1) * batches), y: value($0.element) ?? .nan)
        }
    }
}

/// A table of a run.
package final class TrainingTable: TrainingOutput {
    private let table: TableFile
    private let rows: (TrainingCourse) -> [[String]]

    /// - Parameters:
    ///   - path: "-" for standard output.
    ///   - rows: with the columns' names first.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package init(
        path: String, overwrite: Bool, rows: @escaping (TrainingCourse) -> [[String]]
    ) throws {
        table = try TableFile(path, overwrite: overwrite)
        self.rows = rows
    }

    package var temporaryPaths: [String] { table.temporaryPaths }
    package func abandon() { table.abandon() }

    package func finish(_ course: TrainingCourse) throws {
        for row in rows(course) { try table.write(row) }
        try table.finish()
    }
}

/// A figure of a run, drawn to a PNG or SVG file.
package final class TrainingPlot: TrainingOutput {
    private let file: PlotFile
    private let charts: (TrainingCourse) -> [Chart]

    /// - Parameter charts: over the steps.
    /// - Throws: as `PlotFile.init`.
    package init(path: String, overwrite: Bool, charts: @escaping (TrainingCourse) -> [Chart]) throws {
        file = try PlotFile(path, overwrite: overwrite)
        self.charts = charts
    }

    package var temporaryPaths: [String] { file.temporaryPaths }
    package func abandon() { file.abandon() }

    package func finish(_ course: TrainingCourse) throws {
        try file.finish(
            ChartFigure(title: course.title, xLabel: "step", charts: charts(course)), as: nil)
    }
}

// MARK: Of the run itself

extension TrainingCourse {
    /// Of every step `step`, `epoch`, `loss`, `learning_rate` and `gradient_norm`; at an epoch's last step also
    /// `training_top1`, `validation_loss`, `validation_top1` and `validation_top5`, shares of 1.
    package var rows: [[String]] {
        let names = [
            "step", "epoch", "loss", "learning_rate", "gradient_norm", "training_top1", "validation_loss",
            "validation_top1", "validation_top5",
        ]
        return [names]
            + history.steps.enumerated().map { index, step in
                let numbers = [step.loss, step.learningRate, step.gradientNorm].map { formatted("%.7g", $0) }
                let (epoch, rest) = (index + 1).quotientAndRemainder(dividingBy: batches)
                let ended = rest == 0 && epoch <= history.epochs.count ? history.epochs[epoch - 1] : nil
                let validation = ended?.validation
                let ofEpoch = [
                    ended?.training.top1Accuracy, validation?.meanLoss, validation?.top1Accuracy,
                    validation?.top5Accuracy,
                ].map { $0.map { formatted("%.6g", $0) } ?? "" }
                return ["\(index + 1)", "\(index / batches + 1)"] + numbers + ofEpoch
            }
    }

    /// Loss and accuracy.
    package var charts: [Chart] {
        let accuracies: [(String, (TrainingHistory.Epoch) -> Double?)] = [
            ("training, augmented", \.training.top1Accuracy), ("validation", { $0.validation?.top1Accuracy }),
            ("validation, top 5", { $0.validation?.top5Accuracy }),
        ]
        return [
            Chart(
                title: "Loss", yLabel: "cross-entropy in nats",
                series: [
                    ChartSeries(
                        name: "training, augmented", color: ChartSeries.color(0), lineWidth: 1.2,
                        points: losses(limit: 2048)),
                    ChartSeries(
                        name: "validation", color: ChartSeries.color(1),
                        points: ofEpochs { $0.validation?.meanLoss }),
                ]),
            Chart(
                title: "Accuracy", yLabel: "share of pictures",
                series: accuracies.enumerated().map { index, accuracy in
                    ChartSeries(
                        name: accuracy.0, color: ChartSeries.color(index), points: ofEpochs(accuracy.1))
                }, yLimits: (0, 1)),
        ]
    }
}

// MARK: Of what is watched

extension AttentionWatch {
    /// Of every head at every look `step`, `layer`, `head`, `entropy` in nats and `distance` in pixels.
    package func rows(_ course: TrainingCourse) -> [[String]] {
        [["step", "layer", "head", "entropy", "distance"]]
            + course.history.looks.map(look).flatMap { look in
                look.heads.enumerated().flatMap { layer, heads in
                    heads.enumerated().map { head, summary in
                        ["\(look.steps)", "\(layer)", "\(head)"]
                            + [summary.entropyNats, summary.distancePixels].map { formatted("%.7g", $0) }
                    }
                }
            }
    }

    /// Entropy and distance of each layer, mean over its heads.
    package func charts(_ course: TrainingCourse) -> [Chart] {
        let looks = course.history.looks.map(look)
        func chart(_ title: String, _ label: String, _ value: (AttentionSummary) -> Float) -> Chart {
            let layers = looks.first?.heads.count ?? 0
            return Chart(
                title: title, yLabel: label,
                series: (0..<layers).map { layer in
                    ChartSeries(
                        name: "layer \(layer)", color: ChartSeries.color(layer), lineWidth: 1.4,
                        points: looks.map { look in
                            let values = look.heads[layer].map(value)
                            return (
                                x: Double(look.steps), y: Double(values.reduce(0, +)) / Double(values.count)
                            )
                        })
                })
        }
        return [
            chart("Entropy of attention, mean over a layer's heads", "nats", \.entropyNats),
            chart("Mean attention distance", "pixels", \.distancePixels),
        ]
    }
}
