import Base

/// Carries items from a source through parallel workers to a sink, in order:
///
///     source thread ─▶ bounded queue ─▶ worker threads ─▶ ordered results ─▶ sink, on the calling thread
///
/// Where items have lanes, those of one lane go to one worker, in order, each worker having a queue of its own.
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
    /// The lane of an item; nil where any worker takes any.
    package let lane: (@Sendable (Input) -> Int)?
    package let meters: StageMeters
    /// Asked while a worker is at its item: whether to give that up. What comes before it still reaches the sink.
    package let isGivenUp: @Sendable () -> Bool

    package init(
        source: @escaping @Sendable () throws -> Input?,
        makeWorker: @escaping @Sendable () throws -> (Input) throws -> Output, workers: Int,
        queueDepth: Int, lane: (@Sendable (Input) -> Int)? = nil, meters: StageMeters,
        isGivenUp: @escaping @Sendable () -> Bool = { false }
    ) {
        self.isGivenUp = isGivenUp
        self.lane = lane
        self.source = source
        self.makeWorker = makeWorker
        self.workers = workers
        self.queueDepth = queueDepth
        self.meters = meters
    }

    /// - Throws: the first error of the source, of a worker or of the sink.
    package func run(sink: (Output) throws -> Void) throws {
        let queues = (0..<(lane == nil ? 1 : workers)).map { _ in
            BoundedQueue<(Int, Input)>(capacity: queueDepth)
        }
        // Where items have lanes, a worker may be a whole queue ahead of the others.
        let results = OrderedResults<Output>(capacity: workers + queues.count * queueDepth)
        let remaining = Monitor(workers)

        let producer = StageThread(name: "decode") { produce(into: queues) }
        let threads = (0..<workers).map { index in
            StageThread(name: "infer-\(index)") {
                do {
                    try work(from: queues[index % queues.count], to: results)
                } catch {
                    results.close(.failure(error))
                    for queue in queues { queue.cancel() }
                }
                // Whoever leaves last closes the results; an error has closed them already.
                remaining.change { $0 -= 1 }
                if remaining.wait(until: { $0 }) == 0 { results.close(.success(())) }
            }
        }
        // Both ends are told to stop before joining, or a full queue would hold them for ever.
        defer {
            results.cancel()
            for queue in queues { queue.cancel() }
            for thread in threads + [producer] { thread.join() }
        }
        while let output = try results.next() {
            try meters.output.working { try sink(output) }
        }
    }

    private func produce(into queues: [BoundedQueue<(Int, Input)>]) {
        do {
            var index = 0
            while let item = try meters.input.working(source) {
                let queue = queues[(lane?(item) ?? 0) % queues.count]
                guard queue.push((index, item)) else { break }
                index += 1
            }
            for queue in queues { queue.finish() }
        } catch {
            for queue in queues { queue.fail(error) }
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
