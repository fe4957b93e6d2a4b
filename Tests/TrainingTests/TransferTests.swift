import Base
import Checkpoints
import Files
import Fixtures
import Glibc
import Testing
import ViT

@testable import Datasets
@testable import Training

/// What is taken from trained models: backbones to go on from, features to fit a classifier on.
@Suite struct TransferTests {
    /// A model's backbone gives the class token that the model gives, on its own grid and on another.
    @Test(arguments: ["plain", "layerscale", "registers", "supervised"], ["native", "square"])
    func backboneComputesWhatTheModelDoes(name: String, grid: String) throws {
        let golden = try Golden(name)
        let model = golden.model
        let shape = try TrainedShape(
            fineTuning: model, side: grid == "native" ? nil : 5 * model.configuration.patchSize,
            classes: model.configuration.width)
        #expect(shape.reading == .classToken)
        let engine = try TrainingEngine(shape, threads: 1)
        Initialization.timm.fill(engine.parameters, engine.layout, seed: 0)
        try engine.takeBackbone(of: model)
        // A classifier that hands on what it reads.
        let head = try #require(engine.layout["head.weight"])
        for i in 0..<head.count {
            engine.parameters.start[head.offset + i] = i / shape.width == i % shape.width ? 1 : 0
        }
        let pixels = try golden.cases.floats("\(grid)/input")
        let found = try engine.logits(pixels, count: 1)
        var request = ForwardRequest(attentionBlocks: [])
        request.classTokenBlocks = 1
        let result = try ForwardPass(model: model).run(golden.input(grid), request)
        let error = relativeError(found, result.classTokens)
        print("\(name), \(grid): the class token within \(error)")
        #expect(error < 1e-5)
    }

    @Test(arguments: ["swiglu", "distilled"])
    func otherPartsAreRefused(name: String) throws {
        let model = try Golden(name).model
        let error = try #require(throws: VitvideoError.self) {
            try TrainedShape(fineTuning: model, classes: 3)
        }
        #expect(error.kind == .usage && error.nextStep != nil, "\(error)")
    }

    // MARK: Logistic regression

    static func features(count: Int, width: Int, classes: Int, spread: Float) -> FrozenFeatures {
        var draw = SplitMix64(seed: 8)
        let centers = (0..<classes * width).map { _ in draw.normal() }
        var values: [Float] = []
        var labels: [Int32] = []
        for _ in 0..<count {
            let label = draw.below(classes)
            labels.append(Int32(label))
            for i in 0..<width { values.append(centers[label * width + i] + spread * draw.normal() + 2) }
        }
        return FrozenFeatures(width: width, values: values, labels: labels)
    }

    /// The gradient vanishes at the minimum of a convex function and nowhere else.
    @Test func fitIsTheMinimum() throws {
        let (classes, width, count) = (5, 12, 700)
        let features = Self.features(count: count, width: width, classes: classes, spread: 1.5)
        var regression = LogisticRegression()
        regression.c = 0.5
        let fit = try regression.fit(features, classes: classes)
        #expect(fit.isConverged)
        print("\(fit.iterations) iterations, gradient \(fit.gradient)")
        // Word for word, in 64-bit floats.
        var gradient = [Double](repeating: 0, count: classes * width + classes)
        for picture in 0..<count {
            let x = (0..<width).map { Double(features.values[picture * width + $0]) }
            let scores = (0..<classes).map { row in
                (0..<width).reduce(Double(fit.bias[row])) {
                    $0 + Double(fit.weight[row * width + $1]) * x[$1]
                }
            }
            let sum = scores.reduce(0) { $0 + exp($1) }
            for row in 0..<classes {
                let error = exp(scores[row]) / sum - (row == Int(features.labels[picture]) ? 1 : 0)
                for i in 0..<width { gradient[row * width + i] += error * x[i] / Double(count) }
                gradient[classes * width + row] += error / Double(count)
            }
        }
        for i in 0..<classes * width { gradient[i] += Double(fit.weight[i]) / (0.5 * Double(count)) }
        #expect(gradient.allSatisfy { abs($0) < 2e-5 })
    }

    @Test func fittedHeadIsRead() throws {
        let model = try Golden("plain").model
        let width = model.configuration.width
        let features = Self.features(count: 200, width: width, classes: 3, spread: 0.3)
        let fit = try LogisticRegression().fit(features, classes: 3)
        let directory = try TemporaryDirectory()
        try LogisticRegression.write(fit, classNames: ["a", "b", "c"], to: directory.file("head"))
        let head = try LinearHead.load(directory.file("head"), for: model.configuration)
        #expect(head.blocks == 1 && !head.includesMeanPatch && head.classes == 3)
        var right = 0
        for picture in 0..<200 {
            let logits = head.logits(Array(features.values[picture * width..<(picture + 1) * width]))
            if logits.firstIndex(of: logits.max() ?? 0) == Int(features.labels[picture]) { right += 1 }
        }
        #expect(right == 200)
    }

    /// Features come in the order of the pictures, whatever the threads.
    @Test func featuresOfABatchSource() throws {
        struct Noise: BatchSource {
            let classNames = ["a", "b"]
            let batchCount = 3
            let side: Int
            func batch(epoch: Int, index: Int) throws -> TrainingBatch {
                var draw = SplitMix64(seed: UInt64(index))
                let pixels = (0..<4 * 3 * side * side).map { _ in draw.normal() }
                return TrainingBatch(
                    pixels: pixels, count: 4, side: side, labels: [0, 1, 0, Int32(index % 2)], mixture: nil)
            }
        }
        let model = try Golden("plain").model
        let engine = try Engine(model: model)
        let reading = try FrozenFeatures.standard(for: model)
        let side = 4 * model.configuration.patchSize
        let one = try FrozenFeatures(of: Noise(side: side), by: engine, reading, threads: 1)
        let three = try FrozenFeatures(of: Noise(side: side), by: engine, reading, threads: 3)
        #expect(one.count == 12 && one.width == model.configuration.width)
        #expect(one.values == three.values && one.labels == three.labels)
        #expect(one.labels == [0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0])
        #expect(throws: VitvideoError.self) {
            try FrozenFeatures(of: Noise(side: side + 1), by: engine, reading, threads: 1)
        }
    }
}
