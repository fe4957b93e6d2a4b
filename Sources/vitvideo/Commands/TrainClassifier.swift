import Base
import Datasets
import Pipeline
import Training
import ViT

/// A classifier on a model's frozen features.
extension Train {
    func fitClassifier(on model: Model) throws {
        let prepared = try prepare(for: model)
        let engine = try Engine(model: model)
        let reading = try FrozenFeatures.standard(for: model)
        let stop = StopRequest()
        Interruption.begin(stop: stop, notice: "ending")
        let training = PictureBatches.evaluation(
            prepared.pictures, places: prepared.split.training, prepared.recipe, prepared.normalization)
        let sources = [training] + [prepared.validation].compactMap(\.self)
        let display = ProgressDisplay(
            style: messages.progressStyle, total: sources.reduce(0) { $0 + $1.batchCount },
            unit: (name: "batches", rate: "a second"))
        do {
            try Cancellation.asking({ stop.isRequested }) {
                var done = 0
                let features = try {
                    defer { display.finish() }
                    return try sources.map { source in
                        let found = try FrozenFeatures(
                            of: source, by: engine, reading, threads: threadCount,
                            loaderThreads: data.loaderThreads
                        ) { display.update(frames: done + $0, lastFrame: done + $0 - 1) }
                        done += source.batchCount
                        return found
                    }
                }()
                let fit = try LogisticRegression().fit(features[0], classes: prepared.classes)
                try LogisticRegression.write(fit, classNames: prepared.pictures.classNames, to: output.output)
                guard !messages.quiet else { return }
                if !fit.isConverged {
                    StandardError.line(
                        "vitvideo: warning: the classifier has not converged after \(fit.iterations) iterations"
                    )
                }
                if features.count > 1 {
                    StandardError.line(
                        "vitvideo: \(Self.accuracies(try LogisticRegression.measure(fit, on: features[1])))")
                }
            }
        } catch is Cancellation.Cancelled {
            throw VitvideoError(.interrupted, reason: "interrupted; nothing was finished")
        }
    }
}
