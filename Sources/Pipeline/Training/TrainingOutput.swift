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

/// A table of every step: `step`, `epoch`, `loss`, `learning_rate` and `gradient_norm`; at an epoch's last step also
/// `training_top1`, `validation_loss`, `validation_top1` and `validation_top5`, shares of 1.
package final class TrainingTable: TrainingOutput {
    private let table: TableFile

    /// - Parameter path: "-" for standard output.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package init(path: String, overwrite: Bool) throws { table = try TableFile(path, overwrite: overwrite) }

    package var temporaryPaths: [String] { table.temporaryPaths }
    package func abandon() { table.abandon() }

    package func finish(_ course: TrainingCourse) throws {
        try table.write([
            "step", "epoch", "loss", "learning_rate", "gradient_norm", "training_top1", "validation_loss",
            "validation_top1", "validation_top5",
        ])
        for (index, step) in course.history.steps.enumerated() {
            let numbers = [step.loss, step.learningRate, step.gradientNorm].map { formatted("%.7g", $0) }
            let (epoch, rest) = (index + 1).quotientAndRemainder(dividingBy: course.batches)
            let ended =
                rest == 0 && epoch <= course.history.epochs.count ? course.history.epochs[epoch - 1] : nil
            let validation = ended?.validation
            let ofEpoch = [
                ended?.training.top1Accuracy, validation?.meanLoss, validation?.top1Accuracy,
                validation?.top5Accuracy,
            ].map { $0.map { formatted("%.6g", $0) } ?? "" }
            try table.write(["\(index + 1)", "\(index / course.batches + 1)"] + numbers + ofEpoch)
        }
        try table.finish()
    }
}

/// Loss and accuracy over the steps, drawn to a PNG or SVG file.
package final class TrainingPlot: TrainingOutput {
    private let file: PlotFile

    /// - Throws: as `PlotFile.init`.
    package init(path: String, overwrite: Bool) throws { file = try PlotFile(path, overwrite: overwrite) }

    package var temporaryPaths: [String] { file.temporaryPaths }
    package func abandon() { file.abandon() }

    package func finish(_ course: TrainingCourse) throws {
        let accuracies: [(String, (TrainingHistory.Epoch) -> Double?)] = [
            ("training, augmented", \.training.top1Accuracy), ("validation", { $0.validation?.top1Accuracy }),
            ("validation, top 5", { $0.validation?.top5Accuracy }),
        ]
        let figure = ChartFigure(
            title: course.title, xLabel: "step",
            charts: [
                Chart(
                    title: "Loss", yLabel: "cross-entropy in nats",
                    series: [
                        ChartSeries(
                            name: "training, augmented", color: ChartSeries.color(0), lineWidth: 1.2,
                            points: course.losses(limit: 2048)),
                        ChartSeries(
                            name: "validation", color: ChartSeries.color(1),
                            points: course.ofEpochs { $0.validation?.meanLoss }),
                    ]),
                Chart(
                    title: "Accuracy", yLabel: "share of pictures",
                    series: accuracies.enumerated().map { index, accuracy in
                        ChartSeries(
                            name: accuracy.0, color: ChartSeries.color(index),
                            points: course.ofEpochs(accuracy.1))
                    }, yLimits: (0, 1)),
            ])
        try file.finish(figure, as: nil)
    }
}

/// A table of how every head attends over training: `step`, `layer`, `head`, `entropy` in nats and `distance` in pixels.
package final class AttentionTable: TrainingOutput {
    private let table: TableFile
    private let watch: AttentionWatch

    /// - Throws: as `TrainingTable.init`.
    package init(path: String, overwrite: Bool, watch: AttentionWatch) throws {
        table = try TableFile(path, overwrite: overwrite)
        self.watch = watch
    }

    package var temporaryPaths: [String] { table.temporaryPaths }
    package func abandon() { table.abandon() }

    package func finish(_ course: TrainingCourse) throws {
        try table.write(["step", "layer", "head", "entropy", "distance"])
        for look in course.history.looks.map(watch.look) {
            for (layer, heads) in look.heads.enumerated() {
                for (head, summary) in heads.enumerated() {
                    let numbers = [summary.entropyNats, summary.distancePixels].map { formatted("%.7g", $0) }
                    try table.write(["\(look.steps)", "\(layer)", "\(head)"] + numbers)
                }
            }
        }
        try table.finish()
    }
}

/// Entropy and distance of each layer's attention over training, mean over its heads, drawn to a PNG or SVG file.
package final class AttentionPlot: TrainingOutput {
    private let file: PlotFile
    private let watch: AttentionWatch

    /// - Throws: as `PlotFile.init`.
    package init(path: String, overwrite: Bool, watch: AttentionWatch) throws {
        file = try PlotFile(path, overwrite: overwrite)
        self.watch = watch
    }

    package var temporaryPaths: [String] { file.temporaryPaths }
    package func abandon() { file.abandon() }

    package func finish(_ course: TrainingCourse) throws {
        let looks = course.history.looks.map(watch.look)
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
        let figure = ChartFigure(
            title: course.title, xLabel: "step",
            charts: [
                chart("Entropy of attention, mean over a layer's heads", "nats", \.entropyNats),
                chart("Mean attention distance", "pixels", \.distancePixels),
            ])
        try file.finish(figure, as: nil)
    }
}
