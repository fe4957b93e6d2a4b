import Base

/// Carries items from a source through parallel workers to a sink, in order:
///
///     source thread ─▶ bounded queue ─▶ worker threads ─▶ ordered results ─▶ sink, on the calling thread
///
/// The first error anywhere stops everything and is thrown.
package struct OrderedPipeline<Input: Sendable, Output: Sendable> {
    /// Gives the next item, or nil at the end. Called on one thread of its own.
    package let source: @Sendable () throws -> Input?
    /// Makes one worker's function; called once on each worker's thread.
    package let makeWorker: @Sendable () throws -> (Input) throws -> Output
    package let workers: Int
    /// Items waiting between the stages.
    package let queueDepth: Int
    package let meters: StageMeters
    /// Asked while a worker is at its item: whether to give that up. What comes before it still reaches the sink.
    package let isGivenUp: @Sendable () -> Bool

    package init(
        source: @escaping @Sendable () throws -> Input?,
        makeWorker: @escaping @Sendable () throws -> (Input) throws -> Output, workers: Int,
        queueDepth: Int, meters: StageMeters, isGivenUp: @escaping @Sendable () -> Bool = { false }
    ) {
        self.isGivenUp = isGivenUp
        self.source = source
        self.makeWorker = makeWorker
        self.workers = workers
        self.queueDepth = queueDepth
        self.meters = meters
    }

    /// - Throws: the first error of the source, of a worker or of the sink.
    package func run(sink: (Output) throws -> Void) throws {
        let queue = BoundedQueue<(Int, Input)>(capacity: queueDepth)
        let results = OrderedResults<Output>(capacity: workers + queueDepth)
        let remaining = Monitor(workers)

        let producer = StageThread(name: "decode") { produce(into: queue) }
        let threads = (0..<workers).map { index in
            StageThread(name: "infer-\(index)") {
                do {
                    try work(from: queue, to: results)
                } catch {
                    results.close(.failure(error))
                    queue.cancel()
                }
                // Whoever leaves last closes the results; an error has closed them already.
                remaining.change { $0 -= 1 }
                if remaining.wait(until: { $0 }) == 0 { results.close(.success(())) }
            }
        }
        // Both ends are told to stop before joining, or a full queue would hold them for ever.
        defer {
            results.cancel()
            queue.cancel()
            for thread in threads + [producer] { thread.join() }
        }
        while let output = try results.next() {
            try meters.output.working { try sink(output) }
        }
    }

    private func produce(into queue: BoundedQueue<(Int, Input)>) {
        do {
            var index = 0
            while let item = try meters.input.working(source) {
                guard queue.push((index, item)) else { return }
                index += 1
            }
            queue.finish()
        } catch {
            queue.fail(error)
        }
    }

    private func work(from queue: BoundedQueue<(Int, Input)>, to results: OrderedResults<Output>) throws {
        let worker = try makeWorker()
        while let (index, item) = try queue.pop() {
            let output: Output
            do {
                output = try Cancellation.asking(isGivenUp) {
                    try meters.inference.working { try worker(item) }
                }
            } catch is Cancellation.Cancelled {
                queue.cancel()
                return
            }
            guard results.deliver(output, at: index) else { return }
        }
    }
}
