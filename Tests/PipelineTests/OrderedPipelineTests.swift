import Base
import Pipeline
import Testing

@Suite struct OrderedPipelineTests {
    /// Counts up to a limit; safe to call from one thread at a time.
    final class Counter: Sendable {
        private let value = Monitor(0)
        let limit: Int

        init(limit: Int) { self.limit = limit }

        var taken: Int { value.wait { $0 } }

        func next() -> Int? {
            value.wait { current -> Int?? in
                guard current < self.limit else { return .some(nil) }
                current += 1
                return .some(current - 1)
            }
        }
    }

    static func pipeline(
        _ counter: Counter, workers: Int = 3,
        makeWorker: @escaping @Sendable () throws -> (Int) throws -> Int = { { $0 * 2 } }
    ) -> OrderedPipeline<Int, Int> {
        OrderedPipeline(
            source: { counter.next() }, makeWorker: makeWorker, workers: workers, queueDepth: 2,
            meters: StageMeters())
    }

    @Test func resultsComeInOrder() throws {
        // The worker with item 0 is held until item 2 has been worked on by another.
        let finished = Monitor<Set<Int>>([])
        let pipeline = Self.pipeline(Counter(limit: 50)) {
            { item in
                if item == 0 { finished.wait { $0.contains(2) ? true : nil } }
                finished.change { $0.insert(item) }
                return item * 2
            }
        }
        var results: [Int] = []
        try pipeline.run { results.append($0) }
        #expect(results == (0..<50).map { $0 * 2 })
    }

    @Test func theSourceIsNeverFarAhead() throws {
        let counter = Counter(limit: 1000)
        let workers = 2
        var consumed = 0
        try Self.pipeline(counter, workers: workers).run { _ in
            // Waiting: the queue's 2, one in each worker's and the source's hands, and the finished
            // results, at most workers + 2 of them.
            #expect(counter.taken - consumed <= 2 + workers + 1 + workers + 2 + 1)
            consumed += 1
        }
        #expect(consumed == 1000)
    }

    @Test func anErrorOfTheSourceArrives() {
        let pipeline = OrderedPipeline<Int, Int>(
            source: { throw Boom(number: 7) }, makeWorker: { { $0 } }, workers: 2, queueDepth: 2,
            meters: StageMeters())
        #expect(throws: Boom(number: 7)) { try pipeline.run { _ in } }
    }

    @Test func anErrorOfAWorkerStopsTheRest() {
        let counter = Counter(limit: 1_000_000)
        let pipeline = Self.pipeline(counter) {
            { item in if item == 5 { throw Boom(number: 5) } else { item } }
        }
        #expect(throws: Boom(number: 5)) { try pipeline.run { _ in } }
        #expect(counter.taken < 1000)
    }

    @Test func aWorkerThatCannotStartIsAnError() {
        let pipeline = Self.pipeline(Counter(limit: 10)) { throw Boom(number: 1) }
        #expect(throws: Boom(number: 1)) { try pipeline.run { _ in } }
    }

    @Test func anErrorOfTheSinkStopsTheRest() {
        let counter = Counter(limit: 1_000_000)
        #expect(throws: Boom(number: 3)) {
            try Self.pipeline(counter).run { if $0 == 6 { throw Boom(number: 3) } }
        }
        #expect(counter.taken < 1000)
    }

    @Test func anEmptySourceGivesNothing() throws {
        var results: [Int] = []
        try Self.pipeline(Counter(limit: 0)).run { results.append($0) }
        #expect(results.isEmpty)
    }

    /// What is under way at a stop, and takes too long, is given up; what was finished before it still comes out, and
    /// nothing of it is an error.
    @Test func whatTakesTooLongIsGivenUp() throws {
        let stop = StopRequest(patience: .zero)
        let started = Monitor(0)
        let pipeline = OrderedPipeline<Int, Int>(
            source: { [counter = Counter(limit: 100)] in stop.isRequested ? nil : counter.next() },
            makeWorker: {
                { item in
                    guard item >= 3 else { return item }
                    started.change { $0 += 1 }
                    while true { try Cancellation.check() }
                }
            }, workers: 2, queueDepth: 2, meters: StageMeters(), isGivenUp: { stop.isOverdue })
        let signal = StageThread(name: "signal") {
            started.wait { $0 == 2 ? true : nil }
            stop.request()
        }
        var results: [Int] = []
        try pipeline.run { results.append($0) }
        signal.join()
        #expect(results == [0, 1, 2])
    }

    @Test func aStopIsOverdueOnlyAfterItsTime() {
        let stop = StopRequest(patience: .seconds(1_000_000))
        #expect(!stop.isRequested && !stop.isOverdue)
        #expect(stop.request() && !stop.request())
        #expect(stop.isRequested && !stop.isOverdue)
        let hasty = StopRequest(patience: .zero)
        #expect(!hasty.isOverdue)
        hasty.request()
        #expect(hasty.isOverdue)
    }
}
