import Base
import Datasets
import ViT

/// What a frozen model gives of labelled pictures, for a linear classifier.
package struct FrozenFeatures: Sendable {
    /// Number of features of a picture.
    package let width: Int
    /// `pictures × width`.
    package let values: [Float]
    package let labels: [Int32]

    package var count: Int { labels.count }

    package init(width: Int, values: [Float], labels: [Int32]) {
        self.width = width
        self.values = values
        self.labels = labels
    }

    /// What a model is asked for where nothing else is: the class token after the final norm, or the mean of the patches
    /// of a model without one.
    ///
    /// - Throws: `VitvideoError.noFinalNorm`.
    package static func standard(for model: Model) throws -> LinearFeatures {
        guard model.configuration.hasFinalNorm else { throw VitvideoError.noFinalNorm(model: model.name) }
        let hasClassToken = model.configuration.prefix.hasClassToken
        return LinearFeatures(blocks: hasClassToken ? 1 : 0, includesMeanPatch: !hasClassToken)
    }

    /// Computes the features of a source's first epoch, picture by picture on each worker.
    ///
    /// - Parameters:
    ///   - source: of pictures without augmentation, whose side is a multiple of the model's patch.
    ///   - progress: called after each batch with how many are done.
    /// - Throws: `VitvideoError` where pictures cannot be read or do not fit, `Cancellation.Cancelled`.
    package init(
        of source: any BatchSource, by engine: Engine, _ reading: LinearFeatures, threads: Int,
        loaderThreads: Int = 1, progress: (Int) throws -> Void = { _ in }
    ) throws {
        let c = engine.model.configuration
        var request = ForwardRequest(attentionBlocks: [])
        reading.require(of: &request)
        let pool = WorkerPool(workers: threads)
        let passes = try (0..<pool.count).map { _ in try ForwardPass(engine: engine) }
        let cutter = Preprocessor(configuration: c, resolution: .native)
        let width = reading.count(width: c.width)
        var values: [Float] = []
        var labels: [Int32] = []
        let loader = BatchLoader(source, epochs: 1, threads: loaderThreads)
        defer { loader.stop() }
        while let loaded = try loader.next() {
            let batch = loaded.batch
            guard batch.side % c.patchSize == 0 else {
                throw VitvideoError(
                    .usage,
                    reason: "pictures of \(batch.side) pixels do not divide into patches of \(c.patchSize)",
                    nextStep: .advice("choose a side that is a multiple of the patch"))
            }
            let grid = batch.side / c.patchSize
            let pictureValues = 3 * batch.side * batch.side
            let rows = Mutex([[Float]](repeating: [], count: batch.count))
            try pool.run(count: batch.count) { picture, worker in
                let planes = Array(
                    batch.pixels[picture * pictureValues..<(picture + 1) * pictureValues])
                let result = try passes[worker].run(
                    cutter.patches(ofPlanes: planes, rows: grid, columns: grid), request)
                let features = reading.values(of: result, specialTokens: c.specialTokens, width: c.width)
                rows.withLock { $0[picture] = features }
            }
            values += rows.withLock { $0 }.joined()
            labels += batch.labels
            try progress(loaded.index + 1)
        }
        self.init(width: width, values: values, labels: labels)
    }
}
