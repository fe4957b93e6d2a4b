import Base

/// Makes the batches of a run ahead of it, on threads of its own, and gives them in order.
package final class BatchLoader: Sendable {
    /// A batch and where in the run it stands.
    package struct Loaded: Sendable {
        package let epoch: Int
        package let index: Int
        package let batch: TrainingBatch
    }

    private let batches: OrderedWork<Loaded>

    /// Starts at once.
    ///
    /// - Parameters:
    ///   - epoch: the first, from whose batch `index` on.
    ///   - epochs: where the run ends: the last epoch is the one before it.
    ///   - threads: that make batches, at least 1, each one batch.
    ///   - ahead: batches that may wait besides, at least 1.
    package init(
        _ source: any BatchSource, epoch: Int = 0, index: Int = 0, epochs: Int, threads: Int = 1,
        ahead: Int = 2
    ) {
        let first = epoch * source.batchCount + index
        let end = max(first, epochs * source.batchCount)
        batches = OrderedWork(first..<end, name: "batches", threads: threads, ahead: ahead) { number in
            let (epoch, index) = number.quotientAndRemainder(dividingBy: source.batchCount)
            return Loaded(epoch: epoch, index: index, batch: try source.batch(epoch: epoch, index: index))
        }
    }

    /// Waits for the next batch.
    ///
    /// - Returns: nil at the end of the run, and after `stop`.
    /// - Throws: the source's first error.
    package func next() throws -> Loaded? { try batches.next() }

    /// Ends the threads, in the middle of a batch too, and waits for them. So does letting go of the loader.
    package func stop() { batches.stop() }
}
