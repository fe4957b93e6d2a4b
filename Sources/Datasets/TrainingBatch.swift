/// A batch of pictures as a model takes them.
package struct TrainingBatch: Sendable {
    /// Pictures that were mixed with others of the batch.
    package struct Mixture: Sendable {
        /// `count`: the class of each picture's second part.
        package let labels: [Int32]
        /// `count`: the first class's share, from 0 to 1.
        package let shares: [Float]

        package init(labels: [Int32], shares: [Float]) {
            self.labels = labels
            self.shares = shares
        }
    }

    /// `count × 3 × side × side`, row-major, after normalization and augmentation.
    package let pixels: [Float]
    package let count: Int
    package let side: Int
    /// `count`: the classes.
    package let labels: [Int32]
    /// Nil where nothing is mixed.
    package let mixture: Mixture?

    package init(pixels: [Float], count: Int, side: Int, labels: [Int32], mixture: Mixture? = nil) {
        self.pixels = pixels
        self.count = count
        self.side = side
        self.labels = labels
        self.mixture = mixture
    }
}

/// Batches of pictures, epoch by epoch.
package protocol BatchSource: Sendable {
    /// Batches an epoch.
    var batchCount: Int { get }
    var classNames: [String] { get }

    /// A pure function of epoch and index: a resumed run sees the same batches.
    ///
    /// - Throws: `VitvideoError` where pictures cannot be read.
    func batch(epoch: Int, index: Int) throws -> TrainingBatch
}
