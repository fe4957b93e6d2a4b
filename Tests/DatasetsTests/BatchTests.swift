import Base
import Fixtures
import Pixels
import Testing
import ViT

@testable import Datasets

private let plain = Normalization(mean: [0, 0, 0], deviation: [1, 1, 1])

/// A recipe without augmentation.
private func recipe(batch: Int, side: Int = 8) -> DataRecipe {
    DataRecipe(
        augmentation: Augmentation(side: side), normalizing: .fixed(plain), validation: .given,
        batchSize: batch)
}

/// Which plain pictures a batch holds, by their red.
private func numbers(_ batch: TrainingBatch) -> [Int] {
    let size = 3 * batch.side * batch.side
    return (0..<batch.count).map { Int((batch.pixels[$0 * size] * 255).rounded()) }
}

@Suite struct PictureBatchTests {
    @Test func anEpochHasEachPictureOnceInAnotherOrder() throws {
        let pictures = try labelled([20, 17])
        let places = Array(0..<37)
        let source = PictureBatches.training(pictures, places: places, recipe(batch: 8), plain, seed: 4)
        #expect(source.batchCount == 5 && source.pictureCount == 37 && source.classNames.count == 2)
        var epochs: [[Int]] = []
        for epoch in 0..<3 {
            let batches = try (0..<5).map { try source.batch(epoch: epoch, index: $0) }
            #expect(batches.map(\.count) == [8, 8, 8, 8, 5])
            #expect(batches.allSatisfy { $0.pixels.count == $0.count * 3 * 64 && $0.mixture == nil })
            let order = batches.flatMap(numbers)
            #expect(order.sorted() == places && order != places)
            #expect(batches.flatMap(\.labels) == order.map { $0 < 20 ? 0 : 1 })
            epochs.append(order)
        }
        #expect(Set(epochs).count == 3)
    }

    @Test func evaluationIsInOrder() throws {
        let pictures = try labelled([6, 5])
        let source = PictureBatches.evaluation(
            pictures, places: [1, 3, 5, 7, 9, 10], recipe(batch: 4), plain)
        let batches = try (0..<source.batchCount).map { try source.batch(epoch: 7, index: $0) }
        #expect(batches.flatMap(numbers) == [1, 3, 5, 7, 9, 10])
        #expect(batches.map(\.count) == [4, 2])
    }

    @Test func theRestIsDroppedWhereARecipeSaysSo() throws {
        let pictures = try labelled([6, 5])
        var recipe = recipe(batch: 4)
        recipe.dropsLast = true
        let source = PictureBatches.training(
            pictures, places: Array(0..<11), recipe, plain, seed: 1)
        #expect(source.batchCount == 2 && source.pictureCount == 8)
        // An epoch of no batch would train nothing.
        let few = PictureBatches.training(pictures, places: [0, 6], recipe, plain, seed: 1)
        #expect(few.batchCount == 1)
        #expect(try few.batch(epoch: 0, index: 0).count == 2)
    }

    /// A batch is a function of seed, epoch and index: whatever was asked for before, and whoever asks.
    @Test func batchesDependOnNothingElse() throws {
        let pictures = try labelled([30, 30], side: 20)
        var recipe = recipe(batch: 16, side: 12)
        recipe.augmentation = .keras
        (recipe.augmentation.side, recipe.augmentation.resizedSide) = (12, 14)
        recipe.mixup = Mixup(alpha: 0.2)
        func source(_ seed: UInt64) -> PictureBatches {
            PictureBatches.training(pictures, places: Array(0..<60), recipe, plain, seed: seed)
        }
        let first = source(9)
        let batches = try [(0, 0), (0, 3), (1, 0), (5, 2)].map { try first.batch(epoch: $0, index: $1) }
        let second = source(9)
        #expect(try second.batch(epoch: 5, index: 2) == batches[3])
        #expect(try second.batch(epoch: 0, index: 3) == batches[1])
        #expect(try source(10).batch(epoch: 0, index: 0) != batches[0])
        #expect(batches[0] != batches[2])
        let mixture = try #require(batches[0].mixture)
        #expect(mixture.labels.count == 16 && Set(mixture.shares).count == 1)
    }

    /// A picture's augmentation does not depend on its neighbours in a batch.
    @Test func augmentationIsThePicturesOwn() throws {
        let pictures = try labelled([8, 8], side: 20)
        var recipe = recipe(batch: 16, side: 20)
        recipe.augmentation.zoom = 0.3
        recipe.augmentation.flips = true
        let whole = try PictureBatches.training(
            pictures, places: Array(0..<16), recipe, plain, seed: 2
        ).batch(epoch: 0, index: 0)
        recipe.batchSize = 1
        let single = PictureBatches.training(pictures, places: Array(0..<16), recipe, plain, seed: 2)
        let size = 3 * 20 * 20
        for index in 0..<16 {
            let alone = try single.batch(epoch: 0, index: index)
            #expect(alone.pixels == Array(whole.pixels[(index * size)..<((index + 1) * size)]))
        }
    }

    @Test func theIdentityTellsWhatDecides() throws {
        let pictures = try labelled([4, 4])
        func identity(
            _ pictures: LabelledPictures, places: [Int] = [0, 1, 4, 5], seed: UInt64 = 1,
            _ change: (inout DataRecipe) -> Void = { _ in }
        ) throws -> String {
            var recipe = recipe(batch: 2)
            change(&recipe)
            let normalization = try pictures.normalization(recipe.normalizing, places: places)
            return try PictureBatches.training(
                pictures, places: places, recipe, normalization, seed: seed
            ).identity()
        }
        let own = try identity(pictures)
        #expect(try identity(try labelled([4, 4])) == own)
        let others = try [
            identity(try labelled([4, 4, 1])), identity(try labelled([5, 3])),
            identity(pictures, places: [0, 1, 4, 6]), identity(pictures, seed: 2),
            identity(pictures) { $0.batchSize = 4 }, identity(pictures) { $0.dropsLast = true },
            identity(pictures) { $0.mixup = Mixup(alpha: 1) },
            identity(pictures) { $0.normalizing = .adapted },
            identity(pictures) { $0.augmentation.flips = true },
            identity(pictures) { $0.augmentation.padding = 1 },
            identity(pictures) { $0.augmentation.rotation = 0.1 },
            identity(pictures) { $0.augmentation.zoom = 0.1 },
            identity(pictures) { $0.augmentation.resizedSide = 9 },
            PictureBatches.evaluation(pictures, places: [0, 1, 4, 5], recipe(batch: 2), plain).identity(),
        ]
        #expect(Set(others + [own]).count == others.count + 1)
    }

    @Test func normalizationIsOfThePicturesThatAreTrainedOn() throws {
        let pictures = try labelled([2, 2])
        let adapted = try pictures.normalization(.adapted, places: [1, 3])
        // Reds 1 and 3, greens 2 and 6, blues 3 and 9.
        #expect(relativeError(adapted.mean, [2, 4, 6].map { $0 / 255 }) < 1e-6)
        #expect(relativeError(adapted.deviation, [1, 2, 3].map { $0 / 255 }) < 1e-6)
        #expect(try pictures.normalization(.fixed(.half), places: []) == .half)
    }
}

/// Batches of which tests decide when they are ready.
private final class GatedSource: BatchSource {
    let batchCount = 3
    let classNames = ["a", "b"]
    /// Batches made, those that may be made, and the one that fails.
    let state = Monitor((made: [Int](), open: Int.max, failing: Int?.none))

    struct Failure: Error {}

    func batch(epoch: Int, index: Int) throws -> TrainingBatch {
        let number = epoch * batchCount + index
        let stopped = Cancellation.isWanted
        while true {
            let isOpen = state.wait(atMost: 0.01) { $0.open > number ? true : nil } ?? false
            if stopped() { throw Cancellation.Cancelled() }
            if isOpen { break }
        }
        if state.read({ $0.failing }) == number { throw Failure() }
        state.change { $0.made.append(number) }
        return TrainingBatch(pixels: [Float(number), 0, 0], count: 1, side: 1, labels: [0])
    }
}

@Suite struct BatchLoaderTests {
    @Test(arguments: [1, 3])
    func batchesComeInOrderThroughTheEpochs(threads: Int) throws {
        let loader = BatchLoader(GatedSource(), epochs: 4, threads: threads, ahead: 2)
        for number in 0..<12 {
            let loaded = try #require(try loader.next())
            #expect(loaded.epoch == number / 3 && loaded.index == number % 3)
            #expect(loaded.batch.pixels[0] == Float(number))
        }
        #expect(try loader.next() == nil)
    }

    @Test func aResumedRunGoesOnInTheMiddle() throws {
        let loader = BatchLoader(GatedSource(), epoch: 2, index: 1, epochs: 3)
        #expect(try loader.next()?.batch.pixels[0] == 7)
        #expect(try loader.next()?.batch.pixels[0] == 8)
        #expect(try loader.next() == nil)
        #expect(try BatchLoader(GatedSource(), epoch: 5, epochs: 5).next() == nil)
    }

    @Test func noMoreIsMadeAheadThanWasAllowed() throws {
        let source = GatedSource()
        let loader = BatchLoader(source, epochs: 100, threads: 1, ahead: 2)
        // Two wait, and the thread holds a third.
        source.state.wait { $0.made.count == 3 ? true : nil }
        #expect(source.state.wait(atMost: 0.05) { $0.made.count > 3 ? true : nil } == nil)
        _ = try loader.next()
        source.state.wait { $0.made.count == 4 ? true : nil }
        loader.stop()
    }

    @Test func anErrorIsHandedOn() throws {
        let source = GatedSource()
        source.state.change { $0.failing = 2 }
        let loader = BatchLoader(source, epochs: 2)
        #expect(try loader.next() != nil)
        #expect(try loader.next() != nil)
        #expect(throws: GatedSource.Failure.self) { try loader.next() }
    }

    @Test func stoppingEndsABatchHalfDone() throws {
        let source = GatedSource()
        source.state.change { $0.open = 0 }
        let loader = BatchLoader(source, epochs: 2, threads: 2)
        loader.stop()
        #expect(try loader.next() == nil)
        #expect(source.state.read { $0.made.isEmpty })
    }
}
