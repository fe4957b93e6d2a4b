import ArgumentParser
import Foundation
import Probing
import ViT

/// Steps of a feature visualization by the default recipe.
struct NeuronSteps: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "neuron", abstract: "Measure steps of a feature visualization.")

    @Option(help: "Weights, in any format that vitvideo reads.")
    var weights: String

    @Option(help: "Side of the picture in pixels.")
    var side = 224

    @Option(help: "The neuron's block.")
    var block = 11

    @Option(help: "The neuron within the block.")
    var neuron = 120

    @Option(help: "Augmented copies.")
    var copies = 8

    @Option(help: "Steps to measure; three more come before.")
    var steps = 20

    @Option(help: "Copies under way at once.")
    var threads = 2

    @Option(help: "auto, onednn, openblas or own.")
    var backend: Engine.Library = .auto

    @Option(help: "fp32 or bf16.")
    var precision: Precision = .float32

    private struct Report: Encodable {
        let steps: Int
        let seconds: Double
        let objective: Float
    }

    func run() throws {
        let model = try Model.load(weights, told: ModelFacts(positionInterpolation: .antialiased))
        let c = model.configuration
        guard side >= c.patchSize, side % c.patchSize == 0 else {
            throw ValidationError("--side is a multiple of \(c.patchSize)")
        }
        var recipe = VisualizationRecipe()
        recipe.copies = copies
        let target = ActivationTarget.neuron(NeuronAddress(block: block, index: neuron))
        try target.check(model)
        let visualization = try FeatureVisualization(
            engine: try GradientEngine(
                model: model, blockCount: block + 1, library: backend, precision: precision), target: target,
            recipe: recipe, rows: side / c.patchSize, columns: side / c.patchSize, threads: threads)
        let warmUp = 3
        var start = ContinuousClock.now
        var seconds = 0.0
        var objective: Float = 0
        let (steps, clock) = (steps, ContinuousClock())
        _ = try visualization.run(SeededRandomness(seed: 0)) { step, _ in
            objective = step.objective
            if step.index + 1 == warmUp { start = clock.now }
            guard step.index + 1 == warmUp + steps else { return true }
            seconds = (clock.now - start) / .seconds(1)
            return false
        }
        try printJSON(Report(steps: steps, seconds: seconds, objective: objective))
    }
}
