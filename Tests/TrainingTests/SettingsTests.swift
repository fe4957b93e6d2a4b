import Base
import Files
import Fixtures
import Glibc
import Testing
import ViT

@testable import Datasets
@testable import Training

/// Shapes, settings, recipes and first parameters.
@Suite struct SettingsTests {
    static let base = TrainedShape(side: 24, patchSize: 6, width: 32, depth: 2, heads: 4, classes: 10)

    static let wrongShapes: [(String, @Sendable (inout TrainedShape) -> Void)] = [
        ("patches of 5", { $0.patchSize = 5 }), ("class token", { $0.hasClassToken = false }),
        ("side by side", { $0.reading = .flattened(hidden: [8]) }), ("classes", { $0.classes = 0 }),
        ("heads", { $0.heads = -1 }), ("width", { $0.width = 1 << 20 }),
        (
            "multiple of 4",
            {
                $0.positions = .sineCosine
                $0.width = 30
            }
        ),
        (
            "shifted",
            {
                $0.patchSize = 1
                $0.tokenization = .shifted
            }
        ),
        (
            "single token",
            {
                $0.patchSize = 24
                $0.reading = .meanPatch
                $0.hasClassToken = false
                $0.attention = .locality
            }
        ),
        (
            "too many",
            {
                $0.side = 6000
                $0.patchSize = 1
            }
        ),
        ("epsilon", { $0.layerNormEpsilon = 0 }), ("registers", { $0.registers = 65 }),
    ]

    @Test(arguments: wrongShapes.indices)
    func shapeThatCannotBeIsRefused(index: Int) throws {
        let (word, change) = Self.wrongShapes[index]
        var shape = Self.base
        change(&shape)
        let error = try #require(throws: VitvideoError.self) { try TrainingEngine(shape, threads: 1) }
        #expect(error.kind == .usage && error.reason.contains(word) && error.nextStep != nil, "\(error)")
    }

    @Test func shapesGoThroughJSON() throws {
        var shape = Recipe.keras.shape(classes: 100)
        shape.tokenization = .shifted
        shape.attention = .locality
        for shape in [shape, Self.base, Recipe.probingViTs.shape(classes: 10)] {
            let text = Array(shape.json.json.utf8)
            #expect(try TrainedShape(json: JSONValue(text)) == shape)
        }
        for name in ["side", "reading", "layer_norm_epsilon", "attention"] {
            guard case .object(let members) = shape.json else { return }
            let json = JSONValue.object(members.filter { $0.name != name })
            let error = try #require(throws: VitvideoError.self) { try TrainedShape(json: json) }
            #expect(error.kind == .badData)
        }
    }

    static let wrongSettings: [(String, @Sendable (inout TrainingSettings) -> Void)] = [
        ("epochs", { $0.epochs = 0 }), ("batch", { $0.batchSize = 0 }),
        ("learning rate", { $0.learningRate = .nan }), ("beta1", { $0.optimizer.beta1 = 1 }),
        ("epsilon", { $0.optimizer.epsilon = 0 }), ("decay", { $0.optimizer.weightDecay = -1 }),
        ("clipped", { $0.optimizer.clipping = 0 }), ("smoothed", { $0.loss.labelSmoothing = 1 }),
        ("attention", { $0.dropout.attention = 1 }),
        ("warm up", { $0.schedule = .warmUpCosine(start: 1, warmUpShare: 0.1) }),
        ("warm up", { $0.schedule = .warmUpCosine(start: 0, warmUpShare: 1) }),
    ]

    @Test(arguments: wrongSettings.indices)
    func settingThatCannotBeIsRefused(index: Int) throws {
        let (word, change) = Self.wrongSettings[index]
        var settings = Recipe.keras.settings()
        _ = try settings.checked()
        change(&settings)
        let error = try #require(throws: VitvideoError.self) { try settings.checked() }
        #expect(error.kind == .usage && error.reason.contains(word) && error.nextStep != nil, "\(error)")
    }

    // MARK: Recipes

    /// The Keras example's summary: 144 tokens, a head that reads 9,216 values.
    @Test func kerasRecipeIsTheExamples() throws {
        let layout = ParameterLayout(Recipe.keras.shape(classes: 100))
        #expect(layout.shape.tokens == 144 && layout.shape.featureWidth == 9216)
        // Of a block: two norms, queries, keys, values and output of 4 heads of 64, and the layers of 128 and 64.
        let block = 2 * 128 + (64 * 768 + 768) + (256 * 64 + 64) + (64 * 128 + 128) + (128 * 64 + 64)
        let embedding = 108 * 64 + 64 + 144 * 64
        let head = 128 + 9216 * 2048 + 2048 + 2048 * 1024 + 1024 + 1024 * 100 + 100
        #expect(layout.trainedCount == embedding + 8 * block + head)
        #expect(!layout.shape.isPlain)
        let settings = Recipe.keras.settings()
        let schedule = settings.schedule(batches: 176)
        #expect(schedule.rate(at: 0) == 0 && schedule.rate(at: 880) == 1e-3)
        #expect(abs(schedule.rate(at: 4840) - 5e-4) < 1e-9 && schedule.rate(at: 8801) == 0)
        #expect(Recipe.keras.settings(leavesOutSchedule: true).schedule(batches: 176).rate(at: 8000) == 1e-3)
    }

    @Test func probingViTsRecipeIsTheScripts() {
        let shape = Recipe.probingViTs.shape(classes: 10)
        #expect(shape.tokens == 145 && shape.attentionWidth == 512 && shape.feedForwardWidth == 512)
        let schedule = Recipe.probingViTs.settings().schedule(batches: 157)
        #expect(abs(schedule.rate(at: 0) - 1e-5) < 1e-12 && schedule.rate(at: 2355) == 1e-3)
    }

    // MARK: First parameters

    @Test(arguments: Initialization.allCases)
    func firstParametersAreDrawnBySeed(initialization: Initialization) {
        var shape = Recipe.keras.shape(classes: 10)
        shape.reading = .flattened(hidden: [64])
        shape.attention = .locality
        let layout = ParameterLayout(shape)
        let (a, b, c) = (FloatBuffer(layout.count), FloatBuffer(layout.count), FloatBuffer(layout.count))
        initialization.fill(a, layout, seed: 1)
        initialization.fill(b, layout, seed: 1)
        initialization.fill(c, layout, seed: 2)
        #expect(a.values == b.values && a.values != c.values)
        func values(_ name: String) -> ArraySlice<Float> { a.values[layout[name]?.range ?? 0..<0] }
        #expect(values("blocks.3.norm1.weight").allSatisfy { $0 == 1 })
        #expect(values("blocks.3.attn.tau").first == 8)
        #expect(values("blocks.3.attn.qkv.bias").allSatisfy { $0 == 0 })
        let qkv = values("blocks.3.attn.qkv.weight")
        let deviation = (qkv.reduce(0) { $0 + $1 * $1 } / Float(qkv.count)).squareRoot()
        // Keras's 256 inputs and 4,096 outputs of queries, keys or values.
        let expected: Float = initialization == .timm ? 0.02 : (6.0 / 4352 / 3).squareRoot()
        #expect(abs(deviation - expected) < 0.01 * expected)
        if initialization == .probingViTs { #expect(values("head.weight").allSatisfy { $0 == 0 }) }
    }

    // MARK: Gradients

    /// The loss along a random direction, whatever PyTorch says: shifted patches, all parts, nothing dropped.
    @Test(arguments: ["mean", "keras", "heads"])
    func gradientIsTheSlopeOfTheLoss(name: String) throws {
        let golden = try TrainingGolden(name)
        let engine = try golden.makeEngine()
        let batch = golden.batch(seed: 3, count: 8)
        let at = engine.parameters.values
        _ = try engine.computeGradients(of: batch, loss: golden.loss)
        let gradient = engine.gradients.values
        var draw = SplitMix64(seed: 6)
        let direction = gradient.map { $0 == 0 ? 0 : draw.normal() }
        let slope = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        func loss(_ step: Float) throws -> Double {
            for i in at.indices { engine.parameters.start[i] = at[i] + step * direction[i] }
            return try engine.measure(batch, loss: golden.loss).meanLoss
        }
        let step: Float = 2e-3
        let difference = try (loss(step) - loss(-step)) / Double(2 * step)
        print("\(name): slope \(slope), difference \(difference)")
        #expect(abs(difference - slope) < 0.01 * max(abs(slope), 0.1))
    }

    @Test func lossOfTargets() {
        let logits: [Float] = [1, -2, 0.5]
        var gradient = [Float](repeating: 0, count: 3)
        let batch = TrainingBatch(
            pixels: [], count: 1, side: 0, labels: [2], mixture: Mixture(labels: [0], shares: [0.75]))
        let loss = CrossEntropy(labelSmoothing: 0.3)
        let value = loss(
            logits: logits, classes: 3, of: batch, picture: 0, gradient: &gradient, scale: 2)
        let sum = logits.reduce(0.0) { $0 + exp(Double($1)) }
        let targets = [0.7 * 0.25 + 0.1, 0.1, 0.7 * 0.75 + 0.1]
        let expected = zip(targets, logits).reduce(0.0) { $0 - $1.0 * (Double($1.1) - log(sum)) }
        #expect(abs(value - expected) < 1e-6)
        for i in 0..<3 {
            #expect(abs(Double(gradient[i]) - 2 * (exp(Double(logits[i])) / sum - targets[i])) < 1e-6)
        }
    }

    @Test func placesOfLogits() {
        var measures = Measures()
        let logits: [Float] = [0, 3, 3, 1, 2, 2.5, -1]
        for label in 0..<7 { measures.add(loss: 1, logits: logits, classes: 7, label: label) }
        #expect(measures.top1 == 1 && measures.top5 == 5 && measures.pictures == 7 && measures.meanLoss == 1)
    }
}
