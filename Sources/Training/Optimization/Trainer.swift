import Base
import Datasets
import ViT

/// A model that is trained step by step.
///
/// It belongs to one thread, which its engine's workers help.
package final class Trainer {
    package let engine: TrainingEngine
    package let settings: TrainingSettings
    package let schedule: LearningRateSchedule
    let optimizer: AdamW

    /// What a step was.
    package struct Step: Sendable {
        /// From 0.
        package let number: Int
        package let measures: Measures
        package let learningRate: Float
        /// The norm of all gradients before clipping.
        package let gradientNorm: Double
    }

    /// Steps taken.
    package var steps: Int { optimizer.steps }

    /// - Parameters:
    ///   - engine: with parameters to start from.
    ///   - batches: of an epoch.
    package init(_ engine: TrainingEngine, settings: TrainingSettings, batches: Int) {
        self.engine = engine
        self.settings = settings
        schedule = settings.schedule(batches: batches)
        optimizer = AdamW(settings.optimizer, engine.layout)
    }

    /// - Throws: `VitvideoError.lossNotFinite`, with the parameters as they were; `VitvideoError` where the batch does not
    ///   fit the model; `Cancellation.Cancelled`, with the parameters as they were.
    package func step(_ batch: TrainingBatch) throws -> Step {
        let number = steps
        let measures = try engine.computeGradients(
            of: batch, loss: settings.loss, dropout: settings.dropout, seed: settings.seed, step: number)
        guard measures.loss.isFinite else {
            throw VitvideoError.lossNotFinite(step: number, isClipped: settings.optimizer.clipping != nil)
        }
        let rate = schedule.rate(at: number)
        let norm = try optimizer.step(engine.parameters, engine.gradients, rate: rate, pool: engine.pool)
        return Step(number: number, measures: measures, learningRate: rate, gradientNorm: norm)
    }
}

extension VitvideoError {
    /// Training that has diverged.
    static func lossNotFinite(step: Int, isClipped: Bool) -> VitvideoError {
        VitvideoError(
            .badData,
            reason:
                "the loss is no longer a finite number at step \(step + 1), and the last good state is kept",
            nextStep: .advice(
                isClipped
                    ? "lower the learning rate, or the norm that gradients are clipped to"
                    : "lower the learning rate, or clip the gradients, to a norm of 1 for example"))
    }
}
