import Base
import Files
import Pixels
import ViT

/// Batches of some labelled pictures: for training in another order each epoch and augmented, for evaluation in order and
/// merely resized.
package struct PictureBatches: BatchSource {
    private enum Use: Sendable {
        case training(seed: UInt64, dropsLast: Bool, Mixup?)
        case evaluation
    }

    private let pictures: LabelledPictures
    /// Places in `pictures`.
    private let places: [Int]
    private let augmentation: Augmentation
    private let batchSize: Int
    private let use: Use
    /// The order of the epoch last asked for.
    private let order = Mutex<(epoch: Int, places: [Int])?>(nil)

    /// What the values are brought to.
    package let normalization: Normalization
    package let batchCount: Int
    package var classNames: [String] { pictures.classNames }
    /// Pictures that an epoch takes in all.
    package var pictureCount: Int { min(places.count, batchCount * batchSize) }
    /// Bytes of the pixels of a whole batch. A `BatchLoader` has as many batches as may wait and one a thread.
    package var batchBytes: Int {
        min(batchSize, places.count) * 3 * augmentation.side * augmentation.side * MemoryLayout<Float>.size
    }

    /// For training.
    ///
    /// - Parameters:
    ///   - places: in `pictures`, not empty.
    ///   - seed: of the order, of the augmentation and of the mixture.
    package static func training(
        _ pictures: LabelledPictures, places: [Int], _ recipe: DataRecipe, _ normalization: Normalization,
        seed: UInt64
    ) -> PictureBatches {
        // An epoch without a batch would be none.
        let dropsLast = recipe.dropsLast && places.count >= recipe.batchSize
        return PictureBatches(
            pictures, places, recipe, normalization,
            .training(seed: seed, dropsLast: dropsLast, recipe.mixup), dropsLast: dropsLast)
    }

    /// For evaluation.
    package static func evaluation(
        _ pictures: LabelledPictures, places: [Int], _ recipe: DataRecipe, _ normalization: Normalization
    ) -> PictureBatches {
        PictureBatches(pictures, places, recipe, normalization, .evaluation, dropsLast: false)
    }

    private init(
        _ pictures: LabelledPictures, _ places: [Int], _ recipe: DataRecipe, _ normalization: Normalization,
        _ use: Use, dropsLast: Bool
    ) {
        (self.pictures, self.places, self.normalization, self.use) = (pictures, places, normalization, use)
        (augmentation, batchSize) = (recipe.augmentation, recipe.batchSize)
        let whole = places.count / batchSize
        batchCount = dropsLast || places.count % batchSize == 0 ? whole : whole + 1
    }

    package func batch(epoch: Int, index: Int) throws -> TrainingBatch {
        precondition((0..<batchCount).contains(index), "an epoch has \(batchCount) batches")
        let order = ordered(epoch)
        let chosen = order[(index * batchSize)..<min((index + 1) * batchSize, order.count)]
        let size = 3 * augmentation.side * augmentation.side
        let pixels = try [Float](unsafeUninitializedCapacity: chosen.count * size) { to, count in
            for place in chosen {
                try Cancellation.check()
                let picture = try planes(place, epoch: epoch)
                (to.baseAddress! + count).initialize(from: picture, count: size)
                count += size
            }
        }
        let batch = TrainingBatch(
            pixels: pixels, count: chosen.count, side: augmentation.side,
            labels: chosen.map { pictures.labels[$0] })
        guard case .training(let seed, _, let mixup?) = use else { return batch }
        var generator = SplitMix64(seed: seed, purpose: "mixup", epoch, index)
        let (share, partners) = mixup.draw(count: batch.count, &generator)
        return mixup.mixed(batch, share: share, partners: partners)
    }

    /// A hash of all that decides about the batches, by which a run knows whether it goes on with the same: pictures, by the
    /// sums of their values, labels, names of the classes, and how they are prepared.
    ///
    /// - Throws: `VitvideoError` where a picture cannot be read any more.
    package func identity() throws -> String {
        let hash = try SHA256Stream()
        func add(_ text: String) throws { try Array((text + "\n").utf8).withUnsafeBytes(hash.update) }
        for name in classNames { try add(name) }
        try add("\(augmentation); \(normalization.mean) \(normalization.deviation); \(batchSize)")
        switch use {
        case .training(let seed, let dropsLast, let mixup):
            try add("\(seed) \(dropsLast) \(mixup?.alpha ?? 0)")
        case .evaluation: try add("evaluation")
        }
        for place in places {
            let numbers = try pictures.pictures.sums(place).numbers + [UInt64(pictures.labels[place])]
            try numbers.withUnsafeBytes(hash.update)
        }
        return try hash.finish()
    }

    /// The places in the order of an epoch.
    private func ordered(_ epoch: Int) -> [Int] {
        guard case .training(let seed, _, _) = use else { return places }
        return order.withLock { order in
            if let order, order.epoch == epoch { return order.places }
            var generator = SplitMix64(seed: seed, purpose: "order", epoch)
            let shuffled = generator.permutation(of: places.count).map { places[$0] }
            order = (epoch, shuffled)
            return shuffled
        }
    }

    private func planes(_ place: Int, epoch: Int) throws -> [Float] {
        let image = try pictures.pictures.picture(place)
        guard case .training(let seed, _, _) = use else {
            return augmentation.evaluation(image, normalization)
        }
        var generator = SplitMix64(seed: seed, purpose: "augmentation", epoch, place)
        return augmentation.training(image, augmentation.draw(&generator), normalization)
    }
}

extension LabelledPictures {
    /// What a recipe brings values to, for pictures at some places.
    ///
    /// - Throws: `VitvideoError` where a picture cannot be read any more.
    package func normalization(_ normalizing: DataRecipe.Normalizing, places: [Int]) throws -> Normalization {
        switch normalizing {
        case .fixed(let normalization): return normalization
        case .adapted:
            var sums = ChannelSums()
            for place in places { sums += try pictures.sums(place) }
            return sums.normalization
        }
    }
}
