import Base

/// What a step draws.
package struct VisualizationDraws: Sendable, Hashable {
    /// μ and σ of `ColorShift`, a value for each copy and channel.
    package var mean: [Float]
    package var deviation: [Float]
    /// What is added: a value for each copy and channel, or `copies × 3 × height × width` for noise by the pixel;
    /// empty for none.
    package var noise: [Float]
    /// Of all copies alike.
    package var roll: CyclicRoll

    package init(mean: [Float], deviation: [Float], noise: [Float], roll: CyclicRoll) {
        self.mean = mean
        self.deviation = deviation
        self.noise = noise
        self.roll = roll
    }
}

/// Where everything that is drawn for a picture comes from: its start, then one set of draws a step.
package protocol VisualizationRandomness {
    /// The picture's `count` values at the start, in [0, 1].
    mutating func start(count: Int) -> [Float]

    /// - Parameter pixels: of a channel.
    mutating func draws(step: Int, _ recipe: VisualizationRecipe, pixels: Int) -> VisualizationDraws
}

/// Draws by `SplitMix64`, so that a seed gives the same picture again. In this order: the start's values by channel,
/// row and column; then at each step for all copies and channels μ and σ, the noise, and the two parts of the roll.
package struct SeededRandomness: VisualizationRandomness, Sendable {
    private var generator: SplitMix64

    package init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    package mutating func start(count: Int) -> [Float] { (0..<count).map { _ in generator.uniform() } }

    package mutating func draws(
        step: Int, _ recipe: VisualizationRecipe, pixels: Int
    ) -> VisualizationDraws {
        let channels = recipe.copies * 3
        var draws = VisualizationDraws(
            mean: [], deviation: [], noise: [], roll: CyclicRoll(rows: 0, columns: 0))
        for _ in 0..<channels {
            let (mean, deviation) = ColorShift.drawn(strength: recipe.colorShift, by: &generator)
            draws.mean.append(mean)
            draws.deviation.append(deviation)
        }
        let deviation = recipe.noiseDeviation(at: step)
        let count =
            switch recipe.noise {
            case .none: 0
            case .channel: channels
            case .pixel: channels * pixels
            }
        draws.noise = (0..<count).map { _ in deviation * generator.normal() }
        draws.roll.rows = offset(upTo: recipe.jitter)
        draws.roll.columns = offset(upTo: recipe.jitter)
        return draws
    }

    /// A whole number from −most to most; the standard library may draw otherwise in another version.
    private mutating func offset(upTo most: Int) -> Int {
        Int(generator.next() % UInt64(2 * most + 1)) - most
    }
}
