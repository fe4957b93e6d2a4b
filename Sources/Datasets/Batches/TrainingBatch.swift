/// A batch of pictures as a model takes them.
package struct TrainingBatch: Sendable, Equatable {
    /// `count × 3 × side × side`, row-major, after normalization and augmentation.
    package let pixels: [Float]
    package let count: Int
    package let side: Int
    /// `count`: the classes.
    package let labels: [Int32]
    /// What the pictures are mixed with; nil where nothing is mixed.
    package let mixture: Mixture?

    package init(pixels: [Float], count: Int, side: Int, labels: [Int32], mixture: Mixture? = nil) {
        self.pixels = pixels
        self.count = count
        self.side = side
        self.labels = labels
        self.mixture = mixture
    }
}

/// What the pictures of a batch are mixed with.
package struct Mixture: Sendable, Equatable {
    /// The classes of the second pictures, one a picture.
    package let labels: [Int32]
    /// The first picture's share of each, in 0…1.
    package let shares: [Float]

    package init(labels: [Int32], shares: [Float]) {
        self.labels = labels
        self.shares = shares
    }
}

/// Where a training run gets its pictures.
package protocol BatchSource: Sendable {
    /// Batches of an epoch.
    var batchCount: Int { get }
    /// Names of the classes, in the order of the labels.
    var classNames: [String] { get }
    /// A batch of an epoch: a pure function of the source's seed, the epoch and the index, so that a resumed run sees the
    /// same batches.
    ///
    /// - Throws: `VitvideoError` where a picture cannot be read any more; `Cancellation.Cancelled` where the work is to be
    ///   given up.
    func batch(epoch: Int, index: Int) throws -> TrainingBatch
}
