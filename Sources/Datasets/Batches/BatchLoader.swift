import Base

/// Makes the batches of a run ahead of it, on threads of its own, and gives them in order.
///
/// At most `ahead` batches wait and each thread makes one, so that memory is bounded.
package final class BatchLoader: Sendable {
    /// A batch and where in the run it stands.
    package struct Loaded: Sendable {
        package let epoch: Int
        package let index: Int
        package let batch: TrainingBatch
    }

    private let results: OrderedResults<Loaded>
    private let threads: [StageThread]
    private let isStopped: Mutex<Bool>

    /// Starts at once.
    ///
    /// - Parameters:
    ///   - epoch: the first, from whose batch `index` on.
    ///   - epochs: where the run ends: the last epoch is the one before it.
    ///   - threads: that make batches, at least 1.
    ///   - ahead: batches that may wait, at least 1.
    package init(
        _ source: any BatchSource, epoch: Int = 0, index: Int = 0, epochs: Int, threads: Int = 1,
        ahead: Int = 2
    ) {
        let results = OrderedResults<Loaded>(capacity: ahead)
        let isStopped = Mutex(false)
        let first = epoch * source.batchCount + index
        let end = max(first, epochs * source.batchCount)
        let next = Mutex(first)
        let running = Mutex(threads)
        (self.results, self.isStopped) = (results, isStopped)
        self.threads = (0..<threads).map { number in
            StageThread(name: "batches-\(number)") {
                do {
                    try Cancellation.asking({ isStopped.withLock { $0 } }) {
                        while true {
                            let number = next.withLock { next in
                                defer { next += 1 }
                                return next
                            }
                            guard number < end else { break }
                            let (epoch, index) = number.quotientAndRemainder(dividingBy: source.batchCount)
                            let loaded = Loaded(
                                epoch: epoch, index: index,
                                batch: try source.batch(epoch: epoch, index: index))
                            guard results.deliver(loaded, at: number - first) else { break }
                        }
                    }
                } catch {
                    results.close(.failure(error))
                }
                // Whoever leaves last closes the results; an error has closed them already.
                let isLast = running.withLock { running in
                    running -= 1
                    return running == 0
                }
                if isLast { results.close(.success(())) }
            }
        }
    }

    /// Waits for the next batch.
    ///
    /// - Returns: nil at the end of the run, and after `stop`.
    /// - Throws: the source's first error.
    package func next() throws -> Loaded? { try results.next() }

    /// Ends the threads, in the middle of a batch too, and waits for them.
    package func stop() {
        // In this order: a batch that is given up is no error to whoever still waits.
        results.cancel()
        isStopped.withLock { $0 = true }
        for thread in threads { thread.join() }
    }

    deinit { stop() }
}
