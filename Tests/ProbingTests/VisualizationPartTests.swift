import Base
import Foundation
import Probing
import Testing

/// The pieces of a feature visualization, each against its definition.
@Suite struct VisualizationPartTests {
    static func values(_ count: Int, seed: UInt64) -> [Float] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { _ in 2 * random.uniform() - 1 }
    }

    @Test func rollIsCyclic() {
        let from: [Float] = [0, 1, 2, 3, 4, 5]
        func rolled(_ rows: Int, _ columns: Int) -> [Float] {
            var to = [Float](repeating: -1, count: 6)
            CyclicRoll(rows: rows, columns: columns).apply(from, into: &to, height: 2, width: 3)
            return to
        }
        #expect(rolled(0, 1) == [2, 0, 1, 5, 3, 4])
        #expect(rolled(1, 0) == [3, 4, 5, 0, 1, 2])
        #expect(rolled(-1, -1) == [4, 5, 3, 1, 2, 0])
        #expect(rolled(32, -32) == rolled(0, 1))
    }

    /// ⟨a(x) − a(0), y⟩ = ⟨x, backward(y)⟩: the backward pass is the transpose.
    @Test(arguments: [1, 6 * 5]) func augmentation(noisePerChannel: Int) {
        let (height, width, copies) = (6, 5, 2)
        let count = 3 * height * width
        let draws = VisualizationDraws(
            mean: Self.values(6, seed: 1), deviation: Self.values(6, seed: 2).map { 1.5 + $0 },
            noise: Self.values(6 * noisePerChannel, seed: 3), roll: CyclicRoll(rows: 8, columns: -3))
        let augmentation = Augmentation(draws, copy: 1, copies: copies, height: height, width: width)
        let (x, y) = (Self.values(count, seed: 4), Self.values(count, seed: 5))
        let augmented = augmentation.apply(to: x)
        let origin = augmentation.apply(to: [Float](repeating: 0, count: count))
        let back = augmentation.backward(y)
        func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0 * $1.1) } }
        let moved = zip(augmented, origin).map { $0 - $1 }
        #expect(abs(dot(moved, y) - dot(x, back)) < 1e-4)

        for channel in 0..<3 {
            for row in 0..<height {
                for column in 0..<width {
                    let source = channel * height * width + row * width + column
                    let share = draws.noise.count / 2
                    let noise = draws.noise[share + (noisePerChannel == 1 ? channel : source)]
                    let expected =
                        (x[source] - draws.mean[3 + channel]) / draws.deviation[3 + channel] + noise
                    let (y, z) = ((row + 8) % height, (column - 3 + width) % width)
                    #expect(abs(augmented[channel * height * width + y * width + z] - expected) < 1e-5)
                }
            }
        }
    }

    /// Against finite differences of the definition in double precision, on shapes down to a line and a point.
    @Test(arguments: [(5, 4), (1, 6), (6, 1), (2, 2), (1, 1)]) func totalVariation(height: Int, width: Int) {
        let planes = Self.values(2 * height * width, seed: 6)
        func definition(_ x: [Double]) -> Double {
            var total = 0.0
            for plane in 0..<2 {
                for (down, right) in [(0, 1), (1, 0), (1, 1), (1, -1)] {
                    var squares = 0.0
                    for row in 0..<height {
                        for column in 0..<width {
                            guard row + down < height, (0..<width).contains(column + right) else { continue }
                            let here = plane * height * width + row * width + column
                            squares += pow(x[here + down * width + right] - x[here], 2)
                        }
                    }
                    total += squares.squareRoot()
                }
            }
            return total
        }
        var gradient = [Float](repeating: 1, count: planes.count)
        let found = TotalVariation.sum(planes, height: height, width: width, weight: 3, gradient: &gradient)
        let exact = planes.map(Double.init)
        #expect(abs(Double(found) - definition(exact)) < 1e-5)
        for i in planes.indices {
            let ends = [1e-5, -1e-5].map { step in
                var moved = exact
                moved[i] += step
                return definition(moved)
            }
            #expect(abs(Double(gradient[i]) - 1 - 3 * (ends[0] - ends[1]) / 2e-5) < 1e-4)
        }
    }

    /// A flat picture has no variation, and a gradient of 0 rather than none.
    @Test func totalVariationOfNothing() {
        var gradient = [Float](repeating: 0, count: 12)
        let flat = [Float](repeating: 0.3, count: 12)
        #expect(TotalVariation.sum(flat, height: 3, width: 4, weight: 1, gradient: &gradient) == 0)
        #expect(gradient.allSatisfy { $0 == 0 })
    }

    /// Two steps by hand: the first moves by the rate whatever the gradient's size.
    @Test func adam() {
        var adam = Adam(count: 2)
        var values: [Float] = [1, 1]
        adam.update(&values, gradient: [0.001, -20], learningRate: 0.1)
        #expect(abs(values[0] - 0.9) < 1e-5 && abs(values[1] - 1.1) < 1e-5)
        adam.update(&values, gradient: [0.001, 0], learningRate: 0.1)
        #expect(abs(values[0] - 0.8) < 1e-5)
        // m = −5, v = 0.99 · 0.01 · 400: 0.1 / 0.75 · 5 / √(3.96 / 0.0199).
        #expect(abs(Double(values[1]) - (1.1 + 0.1 / 0.75 * 5 / (3.96 / 0.0199).squareRoot())) < 1e-5)
    }

    @Test func schedules() {
        let recipe = VisualizationRecipe()
        #expect(recipe.learningRate(at: 0) == 0.1)
        #expect(abs(recipe.learningRate(at: 200) - 0.05) < 1e-7)
        #expect(recipe.learningRate(at: 399) > 0 && recipe.learningRate(at: 399) < 1e-5)
        #expect(abs(recipe.noiseDeviation(at: 0) - 0.5 * 398 / 400) < 1e-7)
        #expect(recipe.noiseDeviation(at: 398) == 0 && recipe.noiseDeviation(at: 399) == 0)
        #expect(recipe.totalVariationWeight == 0.0005)
    }

    /// What is drawn lies where the recipe says, and fills it.
    @Test func draws() {
        var recipe = VisualizationRecipe()
        var random = SeededRandomness(seed: 3)
        let start = random.start(count: 4000)
        #expect(start.allSatisfy { (0..<1).contains($0) })
        #expect(abs(start.reduce(0, +) / 4000 - 0.5) < 0.03)
        let steps = (0..<400).map { _ in random.draws(step: 0, recipe, pixels: 10) }
        let means = steps.flatMap(\.mean)
        #expect(means.min()! < -0.98 && means.max()! > 0.98 && means.allSatisfy { abs($0) <= 1 })
        let deviations = steps.flatMap(\.deviation)
        #expect(deviations.allSatisfy { (0.36...2.72).contains($0) } && deviations.max()! > 2.6)
        let rolls = steps.flatMap { [$0.roll.rows, $0.roll.columns] }
        #expect(Set(rolls) == Set(-32...32))
        let noise = steps.flatMap(\.noise)
        #expect(noise.count == 400 * 24)
        let deviation = (noise.reduce(0) { $0 + $1 * $1 } / Float(noise.count)).squareRoot()
        #expect(abs(deviation - recipe.noiseDeviation(at: 0)) < 0.02)

        recipe.noise = .pixel
        #expect(random.draws(step: 0, recipe, pixels: 10).noise.count == 240)
        recipe.noise = .none
        recipe.colorShift = 0
        recipe.jitter = 0
        let plain = random.draws(step: 0, recipe, pixels: 10)
        #expect(
            plain.noise.isEmpty && plain.mean.allSatisfy { $0 == 0 } && plain.deviation.allSatisfy { $0 == 1 }
        )
        #expect(plain.roll == CyclicRoll(rows: 0, columns: 0))
    }
}
