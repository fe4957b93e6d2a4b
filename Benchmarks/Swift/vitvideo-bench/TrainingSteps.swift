import ArgumentParser
import Datasets
import Training
import ViT

/// Steps of training the Keras example's model.
struct TrainingSteps: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Measure steps of training the Keras example's small ViT.")

    @Option(help: "Pictures of a batch.")
    var batch = 256

    @Option(help: "Steps to measure; one more comes before.")
    var steps = 3

    @Option(help: "Threads that compute.")
    var threads = 2

    @Option(help: "fp32 or bf16, of the factors of products.")
    var precision: Precision = .float32

    private struct Report: Encodable {
        let steps: Int
        let seconds: Double
        let loss: Double
    }

    func run() throws {
        let engine = try TrainingEngine(
            Recipe.keras.shape(classes: 100), threads: threads,
            precision: TrainingEngine.choosePrecision(precision))
        let settings = Recipe.keras.settings(leavesOutSchedule: true)
        settings.initialization.fill(engine.parameters, engine.layout, seed: settings.seed)
        let trainer = Trainer(engine, settings: settings, batches: 1)
        let batch = TrainingBatch(noise: batch, side: engine.shape.side, classes: engine.shape.classes)
        _ = try trainer.step(batch)
        let start = ContinuousClock.now
        var loss = 0.0
        for _ in 0..<steps { loss = try trainer.step(batch).measures.meanLoss }
        try printJSON(
            Report(steps: steps, seconds: (ContinuousClock.now - start) / .seconds(1), loss: loss))
    }
}

extension TrainingBatch {
    /// Pictures of noise from −1 to 1.
    fileprivate init(noise count: Int, side: Int, classes: Int) {
        var draw = SystemRandomNumberGenerator()
        self.init(
            pixels: (0..<count * 3 * side * side).map { _ in Float.random(in: -1..<1, using: &draw) },
            count: count, side: side, labels: (0..<count).map { Int32($0 % classes) })
    }
}
