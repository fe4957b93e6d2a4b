import Datasets
import Fixtures
import Testing
import ViT

@testable import Training

/// Real pictures: the 1,797 handwritten digits that `make test` fetched.
@Suite struct DigitsTests {
    /// With factors in 32-bit floats, and rounded to bfloat16: the loss takes about the same course.
    @Test func digitsAreToldApart() throws {
        let exact = try train(.fastest(.float32))
        let rounded = try train(.bfloat16)
        #expect(exact != rounded)
        let ratios = zip(exact, rounded).map { $1 / $0 }
        print("loss by epoch, fp32: \(exact), bf16: \(rounded)")
        #expect(ratios.allSatisfy { (0.85...1.15).contains($0) })
    }

    /// - Returns: the mean loss by epoch.
    private func train(_ kernel: ProductKernel?) throws -> [Double] {
        let side = 16
        let pictures = try LabelledPictures.open(
            Fixtures.media("digits.npz").path, LabelledPictures.Options(shortSide: side))
        let split = try PictureSplit(pictures, .given, seed: 1)
        var augmentation = Augmentation(side: side)
        augmentation.rotation = 0.03
        augmentation.zoom = 0.1
        let recipe = DataRecipe(
            augmentation: augmentation, normalizing: .adapted, validation: .given, batchSize: 64)
        let normalization = try pictures.normalization(.adapted, places: split.training)
        let shape = TrainedShape(
            side: side, patchSize: 4, width: 64, depth: 2, heads: 4, feedForwardWidth: 128, classes: 10)
        var optimizer = AdamWSettings()
        optimizer.weightDecay = 0.05
        optimizer.clipping = 1
        let settings = TrainingSettings(
            epochs: 10, batchSize: 64, learningRate: 3e-3,
            schedule: .warmUpCosine(start: 0, warmUpShare: 0.1), optimizer: optimizer,
            loss: CrossEntropy(labelSmoothing: 0.1), dropout: DropoutRates(attention: 0.1, feedForward: 0.1),
            initialization: .keras, seed: 1)
        let run = try TrainingRun(
            TrainingEngine(shape, threads: 2, kernel: kernel), settings: settings,
            training: PictureBatches.training(
                pictures, places: split.training, recipe, normalization, seed: 1),
            validation: PictureBatches.evaluation(
                pictures, places: split.validation, recipe, normalization),
            dataIdentity: "digits", options: TrainingRun.Options())
        try run.run()
        let last = try #require(run.history.epochs.last?.validation)
        #expect(last.top1Accuracy >= 0.9)
        #expect(last.top5Accuracy >= last.top1Accuracy)
        return run.history.epochs.map(\.training.meanLoss)
    }
}
