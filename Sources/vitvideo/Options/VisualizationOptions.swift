import ArgumentParser
import Probing

extension VisualizationRecipe.Noise: ExpressibleByArgument {}

/// The recipe that a picture is made by.
struct VisualizationOptions: ParsableArguments {
    private static let standard = VisualizationRecipe()

    @Option(help: ArgumentHelp("Steps of the optimization.", valueName: "n"))
    var steps: Int = standard.steps

    @Option(help: ArgumentHelp("Augmented copies of the picture in each step.", valueName: "n"))
    var copies: Int = standard.copies

    @Option(
        help: ArgumentHelp("Learning rate at the first step; half a cosine takes it to 0.", valueName: "rate")
    )
    var learningRate: Float = standard.learningRate

    @Option(
        help: ArgumentHelp(
            """
            Weight of the total variation, in units of \(VisualizationRecipe.totalVariationUnit): more is smoother, \
            less is more detailed and noisier.
            """, valueName: "weight"))
    var tv = Amount(standard.totalVariation)

    @Option(
        help: ArgumentHelp("How far copies are rolled at most, in pixels either way.", valueName: "pixels"))
    var jitter: Int = standard.jitter

    @Option(
        help: ArgumentHelp(
            "Strength of the change of colours: (x − μ)/σ with μ and ln σ within ± this; 0 for none.",
            valueName: "strength"))
    var colorShift = Amount(standard.colorShift)

    @Option(
        help: """
            What noise is added to copies: one number a channel, as the paper's code does it, or one a pixel, as the \
            paper says.
            """)
    var noise: VisualizationRecipe.Noise = standard.noise

    @Option(
        help: ArgumentHelp(
            "The noise's standard deviation at first; it falls to 0.", valueName: "deviation"))
    var noiseScale: Float = standard.noiseScale

    @Option(help: ArgumentHelp("Of all that is drawn at random.", valueName: "n"))
    var seed: UInt64 = 0

    var recipe: VisualizationRecipe {
        var recipe = VisualizationRecipe()
        recipe.steps = steps
        recipe.copies = copies
        recipe.learningRate = learningRate
        recipe.totalVariation = tv.float
        recipe.jitter = jitter
        recipe.colorShift = colorShift.float
        recipe.noise = noise
        recipe.noiseScale = noiseScale
        return recipe
    }

    func validate() throws {
        guard (1...100_000).contains(steps) else { throw ValidationError("--steps is 1 to 100000") }
        guard (1...256).contains(copies) else { throw ValidationError("--copies is 1 to 256") }
        guard learningRate > 0, learningRate <= 100 else {
            throw ValidationError("--learning-rate is above 0 and at most 100")
        }
        guard (0...1e6).contains(tv.value) else { throw ValidationError("--tv is 0 to 1000000") }
        guard (0...4096).contains(jitter) else { throw ValidationError("--jitter is 0 to 4096") }
        guard (0...10).contains(colorShift.value) else { throw ValidationError("--color-shift is 0 to 10") }
        guard (0...100).contains(noiseScale) else { throw ValidationError("--noise-scale is 0 to 100") }
    }
}
