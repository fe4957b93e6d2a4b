import Datasets
import Fixtures
import Testing
import Training
import ViT

/// Real pictures: the 1,797 handwritten digits that `make test` fetched.
@Suite struct DigitsTests {
    @Test func digitsAreToldApart() throws {
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
            TrainingEngine(shape, threads: 2), settings: settings,
            training: PictureBatches.training(
                pictures, places: split.training, recipe, normalization, seed: 1),
            validation: PictureBatches.evaluation(
                pictures, places: split.validation, recipe, normalization),
            dataIdentity: "digits", options: TrainingRun.Options())
        try run.run()
        let last = try #require(run.history.epochs.last?.validation)
        #expect(last.top1Accuracy >= 0.9)
        #expect(last.top5Accuracy >= last.top1Accuracy)
    }
}
