import Base
import ViT

/// One step's numbers.
package struct VisualizationStep: Sendable, Hashable {
    /// From 0.
    package var index: Int
    /// What is made small.
    package var objective: Float
    /// The mean over the augmented copies.
    package var activation: Float
    /// Of the augmented copies, as the objective has it, without its weight.
    package var totalVariation: Float
}

/// A picture that excites a unit.
package struct VisualizedFeature: Sendable {
    /// `3 × height × width` in [0, 1].
    package var picture: [Float]
    package var height: Int
    package var width: Int
    /// Of the picture itself, without augmentation.
    package var activation: Float
    package var steps: [VisualizationStep]
}

/// Makes a picture that excites a unit, by `VisualizationRecipe`. Belongs to one thread at a time.
package final class FeatureVisualization {
    private let batch: PixelGradientBatch
    private let recipe: VisualizationRecipe
    private let normalization: Normalization
    private let height: Int
    private let width: Int
    private var pixels: Int { height * width }

    /// - Parameters:
    ///   - rows, columns: of the picture's patches.
    ///   - threads: copies that are computed at once.
    /// - Throws: as `PixelGradient.init`.
    package convenience init(
        engine: GradientEngine, target: ActivationTarget, recipe: VisualizationRecipe, rows: Int,
        columns: Int,
        threads: Int
    ) throws {
        let c = engine.model.configuration
        try self.init(
            recipe: recipe, normalization: c.normalization, height: rows * c.patchSize,
            width: columns * c.patchSize, threads: threads
        ) { try PixelGradient(engine: engine, target: target, rows: rows, columns: columns) }
    }

    /// - Parameters:
    ///   - normalization: of what the model is given.
    ///   - threads: copies that are computed at once.
    ///   - make: makes a worker's differentiator of what is to become large.
    /// - Throws: what `make` throws.
    package init(
        recipe: VisualizationRecipe, normalization: Normalization, height: Int, width: Int, threads: Int,
        _ make: () throws -> any PixelDifferentiator
    ) throws {
        batch = try PixelGradientBatch(threads: min(threads, recipe.copies), make)
        self.recipe = recipe
        self.normalization = normalization
        (self.height, self.width) = (height, width)
    }

    /// - Parameters:
    ///   - isGivenUp: whether to end in the middle of a step, which does not count then.
    ///   - step: called after each step with its numbers and the picture as it is then; false ends the run.
    /// - Throws: `VitvideoError.notFinite`, `VitvideoError.mathLibraryFailed`, and what `step` throws.
    package func run(
        _ randomness: some VisualizationRandomness, isGivenUp: @escaping @Sendable () -> Bool = { false },
        step: (VisualizationStep, _ picture: [Float]) throws -> Bool
    ) throws -> VisualizedFeature {
        var randomness = randomness
        var picture = randomness.start(count: 3 * pixels)
        var adam = Adam(count: picture.count)
        var steps: [VisualizationStep] = []
        for index in 0..<recipe.steps {
            let draws = randomness.draws(step: index, recipe, pixels: pixels)
            guard
                let (numbers, gradient) = try orGivenUp({
                    try Cancellation.asking(isGivenUp) { try objective(of: picture, draws, step: index) }
                })
            else { break }
            adam.update(&picture, gradient: gradient, learningRate: recipe.learningRate(at: index))
            for i in picture.indices { picture[i] = min(max(picture[i], 0), 1) }
            steps.append(numbers)
            guard try step(numbers, picture) else { break }
        }
        return VisualizedFeature(
            picture: picture, height: height, width: width,
            activation: try batch.value(of: normalized(picture)), steps: steps)
    }

    /// Nil for work that was given up.
    private func orGivenUp<Result>(_ body: () throws -> Result) rethrows -> Result? {
        do {
            return try body()
        } catch is Cancellation.Cancelled {
            return nil
        }
    }

    /// The objective at a picture, and its gradient with respect to it: sums over the copies in their order, so that
    /// the number of threads does not matter.
    package func objective(
        of picture: [Float], _ draws: VisualizationDraws, step: Int = 0
    ) throws -> (VisualizationStep, gradient: [Float]) {
        let copies = recipe.copies
        let shares = Mutex([CopyShare?](repeating: nil, count: copies))
        try batch.forEach(copies) { copy, pixelGradient in
            let share = try share(
                of: Augmentation(draws, copy: copy, copies: copies, height: height, width: width), picture,
                pixelGradient)
            shares.withLock { $0[copy] = share }
        }
        var activation: Float = 0
        var variation: Float = 0
        var gradient = [Float](repeating: 0, count: picture.count)
        for share in shares.withLock({ $0 }).compactMap({ $0 }) {
            activation += share.activation
            variation += share.totalVariation
            for i in gradient.indices { gradient[i] += share.gradient[i] }
        }
        activation /= Float(copies)
        variation /= Float(copies * 3)
        let numbers = VisualizationStep(
            index: step,
            objective: -activation / Float(copies) + recipe.totalVariationWeight * variation,
            activation: activation, totalVariation: variation)
        return (numbers, gradient)
    }

    /// What one copy adds.
    private struct CopyShare {
        let activation: Float
        /// The sum over its channels.
        let totalVariation: Float
        /// Of the objective, with respect to the picture.
        let gradient: [Float]
    }

    private func share(
        of augmentation: Augmentation, _ picture: [Float], _ pixelGradient: any PixelDifferentiator
    ) throws -> CopyShare {
        let copies = Float(recipe.copies)
        let augmented = augmentation.apply(to: picture)
        let result = try pixelGradient.run(normalized(augmented))
        var gradient = result.gradient
        for channel in 0..<3 {
            // −(1/copies)·mean over the copies, through the normalization.
            let factor = -1 / (copies * copies * normalization.deviation[channel])
            for i in channel * pixels..<(channel + 1) * pixels { gradient[i] *= factor }
        }
        let variation = TotalVariation.sum(
            augmented, height: height, width: width, weight: recipe.totalVariationWeight / (3 * copies),
            gradient: &gradient)
        return CopyShare(
            activation: result.value, totalVariation: variation,
            gradient: augmentation.backward(gradient))
    }

    /// The model's normalization of a picture in [0, 1].
    private func normalized(_ picture: [Float]) -> [Float] {
        var result = picture
        for channel in 0..<3 {
            let (mean, deviation) = (normalization.mean[channel], normalization.deviation[channel])
            for i in channel * pixels..<(channel + 1) * pixels {
                result[i] = (picture[i] - mean) / deviation
            }
        }
        return result
    }
}
