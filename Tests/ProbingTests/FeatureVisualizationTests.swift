import Base
import Checkpoints
import Fixtures
import Foundation
import Probing
import Testing
import ViT

/// Feature visualization against PyTorch's autograd and optimizer in double precision, all random numbers given.
@Suite struct FeatureVisualizationTests {
    static let tolerance: Float = 1e-4

    /// A golden's picture, draws and results.
    struct Drawn {
        let golden: Golden
        let values: Checkpoint
        let rows: Int
        let columns: Int
        var recipe = VisualizationRecipe()
        var c: Configuration { golden.model.configuration }

        init(_ name: String) throws {
            golden = try Golden(name)
            values = try Checkpoint.open(Golden.path(name, "visualization"))
            let shape = try #require(values["picture"]?.shape)
            rows = shape[1] / golden.model.configuration.patchSize
            columns = shape[2] / golden.model.configuration.patchSize
            recipe.copies = try #require(values.metadata["copies"].flatMap { Int($0) })
        }

        func names() throws -> [String] {
            try JSONDecoder().decode([String].self, from: Data((values.metadata["targets"] ?? "").utf8))
        }

        /// `neuron.block.index`, `query.block.first.end`, `logit.class`, `class_token`.
        func target(_ name: String) throws -> ActivationTarget {
            let parts = name.split(separator: ".").map(String.init)
            let numbers = parts.dropFirst().compactMap { Int($0) }
            switch parts[0] {
            case "neuron": return .neuron(NeuronAddress(block: numbers[0], index: numbers[1]))
            case "logit": return .logit(numbers[0])
            case "class_token": return .classToken(try values.floats("class_token"))
            default:
                let projection = ["query", "key", "value"].firstIndex(of: parts[0])
                    .flatMap { ActivationTarget.Projection(rawValue: $0) }
                return .channels(try #require(projection), block: numbers[0], numbers[1]..<numbers[2])
            }
        }

        func visualization(
            _ name: String, library: Engine.Library = .auto, threads: Int = 2
        ) throws -> FeatureVisualization {
            let target = try target(name)
            return try FeatureVisualization(
                engine: try GradientEngine(
                    model: golden.model, blockCount: target.blockCount(of: c), library: library),
                target: target, recipe: recipe, rows: rows, columns: columns, threads: threads)
        }

        func draws() throws -> VisualizationDraws {
            let roll = try values.floats("roll")
            return VisualizationDraws(
                mean: try values.floats("mean"), deviation: try values.floats("deviation"),
                noise: try values.floats("noise"), roll: CyclicRoll(rows: Int(roll[0]), columns: Int(roll[1]))
            )
        }
    }

    /// Each target's gradient by the picture through augmentation and normalization.
    @Test(arguments: Golden.names, [Engine.Library.openBLAS, .oneDNN, .own])
    func everyTarget(name: String, library: Engine.Library) throws {
        var drawn = try Drawn(name)
        drawn.recipe.totalVariation = 0
        let picture = try drawn.values.floats("picture")
        var worst: Float = 0
        let names = try drawn.names()
        #expect(names.count >= drawn.c.depth + 7)
        for target in names {
            let (step, gradient) = try drawn.visualization(target, library: library)
                .objective(of: picture, try drawn.draws())
            let expected = try drawn.values.floats("\(target)/gradient")
            let error = relativeError(gradient, expected)
            worst = max(worst, error)
            #expect(error <= Self.tolerance, "\(name), \(target): \(error)")
            let activation = try drawn.values.floats("\(target)/activation")[0]
            #expect(
                abs(step.activation - activation) <= 1e-4 * max(abs(activation), 0.01), "\(name), \(target)")
            #expect(abs(step.objective + step.activation / Float(drawn.recipe.copies)) <= 1e-6)

            let largest = expected.reduce(0) { max($0, abs($1)) }
            let mean = expected.reduce(0, +) / Float(expected.count)
            let variance = expected.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(expected.count)
            #expect(variance.squareRoot() > 0.01 * largest, "\(name), \(target) is flat")
        }
        print("\(name), \(library): \(worst)")
    }

    /// Total variation of the copies, and its gradient by the picture.
    @Test(arguments: Golden.names) func totalVariation(name: String) throws {
        var drawn = try Drawn(name)
        let picture = try drawn.values.floats("picture")
        let target = try drawn.names()[0]
        func gradient(_ tv: Float) throws -> (VisualizationStep, [Float]) {
            drawn.recipe.totalVariation = tv
            return try drawn.visualization(target).objective(of: picture, try drawn.draws())
        }
        let weight: Float = 1000
        let (with, without) = (try gradient(weight), try gradient(0))
        let expected = try drawn.values.floats("total_variation")[0]
        #expect(abs(with.0.totalVariation - expected) <= 1e-5 * expected)
        #expect(
            abs(with.0.objective - without.0.objective - 0.0005 * weight * expected)
                <= 1e-5 * 0.0005 * weight * expected)
        let difference = zip(with.1, without.1).map { ($0 - $1) / (0.0005 * weight) }
        let error = relativeError(difference, try drawn.values.floats("total_variation/gradient"))
        #expect(error <= Self.tolerance, "\(error)")
    }

    /// All of a run's draws, as the script made them.
    struct Injected: VisualizationRandomness {
        let values: Checkpoint
        let copies: Int

        func start(count: Int) -> [Float] { (try? values.floats("run/start")) ?? [] }

        func draws(step: Int, _ recipe: VisualizationRecipe, pixels: Int) -> VisualizationDraws {
            func part(_ name: String) -> [Float] {
                let all = (try? values.floats("run/\(name)")) ?? []
                let share = all.count / recipe.steps
                return Array(all[step * share..<(step + 1) * share])
            }
            let roll = part("roll")
            return VisualizationDraws(
                mean: part("mean"), deviation: part("deviation"), noise: part("noise"),
                roll: CyclicRoll(rows: Int(roll[0]), columns: Int(roll[1])))
        }
    }

    /// A whole optimization follows PyTorch's at every step.
    @Test(arguments: [Engine.Library.openBLAS, .oneDNN, .own]) func optimization(library: Engine.Library)
        throws
    {
        var drawn = try Drawn("registers")
        let metadata = drawn.values.metadata
        let target = try JSONDecoder().decode(String.self, from: Data((metadata["optimised"] ?? "").utf8))
        drawn.recipe.steps = try #require(metadata["steps"].flatMap { Int($0) })
        drawn.recipe.totalVariation = try #require(metadata["total_variation"].flatMap { Float($0) })
        let found = try drawn.visualization(target, library: library).run(
            Injected(values: drawn.values, copies: drawn.recipe.copies)
        ) { _, _ in true }
        let objectives = try drawn.values.floats("run/objective")
        let activations = try drawn.values.floats("run/activation")
        #expect(found.steps.count == 60)
        var worst: Float = 0
        for (step, (objective, activation)) in zip(found.steps, zip(objectives, activations)) {
            let error = abs(step.objective - objective) / max(abs(objective), 1e-3)
            worst = max(worst, error)
            #expect(error <= 0.01, "step \(step.index): \(step.objective), \(objective)")
            #expect(abs(step.activation - activation) <= 0.01 * max(abs(activation), 0.01))
        }
        let picture = try drawn.values.floats("run/picture")
        let error = relativeError(found.picture, picture)
        print("optimization, \(library): objective \(worst), picture \(error)")
        #expect(error <= 0.02)
        #expect(picture.contains { $0 > 0.9 } && picture.contains { $0 < 0.1 })
    }

    /// The same seed gives the same bytes, whatever the number of threads; another one gives another picture.
    @Test func repeats() throws {
        var drawn = try Drawn("layerscale")
        drawn.recipe.steps = 6
        drawn.recipe.noise = .pixel
        let target = try drawn.names()[0]
        func run(seed: UInt64, threads: Int) throws -> VisualizedFeature {
            try drawn.visualization(target, threads: threads).run(SeededRandomness(seed: seed)) { _, _ in true
            }
        }
        let first = try run(seed: 5, threads: 1)
        for threads in [1, 2, 3, 9] {
            let again = try run(seed: 5, threads: threads)
            #expect(again.picture == first.picture && again.steps == first.steps)
            #expect(again.activation == first.activation)
        }
        #expect(try run(seed: 6, threads: 2).picture != first.picture)
        #expect(first.picture.allSatisfy { (0...1).contains($0) })
    }

    /// Whoever watches can end it; what there is then is whole.
    @Test func endsWhenToldTo() throws {
        let drawn = try Drawn("plain")
        var last: [Float] = []
        let found = try drawn.visualization(try drawn.names()[0]).run(SeededRandomness(seed: 1)) {
            last = $1
            return $0.index < 2
        }
        #expect(found.steps.map(\.index) == [0, 1, 2])
        #expect(found.picture == last)
        #expect(found.activation.isFinite)
    }
}
