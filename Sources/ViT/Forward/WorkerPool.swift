import Base

import struct Synchronization.Atomic

/// Workers that share the work of one picture: the calling thread as number 0, the others on threads of their
/// own. One thread at a time calls `run`.
package final class WorkerPool: Sendable {
    /// Number of workers.
    package let count: Int
    private let rounds: Rounds

    /// - Parameter workers: at least 1; one thread less is started.
    package init(workers: Int) {
        count = max(workers, 1)
        rounds = Rounds(others: count - 1)
        for number in 1..<count {
            SystemThread.start(name: "frame-\(number)") { [rounds] in rounds.serve(as: number) }
        }
    }

    deinit { rounds.close() }

    /// Calls `body` for each index below `count`, on whichever worker is free.
    ///
    /// - Parameter body: given the index and the number of the worker, 0 to `self.count − 1`.
    /// - Throws: the first error of `body`, and `Cancellation.Cancelled`; the indices that have not been started are
    ///   skipped then.
    package func run(count: Int, _ body: (_ index: Int, _ worker: Int) throws -> Void) throws {
        if self.count == 1 || count <= 1 {
            for index in 0..<count {
                try Cancellation.check()
                try body(index, 0)
            }
            return
        }
        // The helpers' own threads do not know it.
        let isCancelled = Cancellation.isWanted
        let next = Atomic<Int>(0)
        let failure = Mutex<(any Error)?>(nil)
        try withoutActuallyEscaping(body) { body in
            // The task is over when `perform` returns, and each index goes to one worker.
            nonisolated(unsafe) let body = body
            rounds.perform { worker in
                while true {
                    let index = next.add(1, ordering: .relaxed).oldValue
                    guard index < count else { return }
                    do {
                        if isCancelled() { throw Cancellation.Cancelled() }
                        try body(index, worker)
                    } catch {
                        failure.withLock { if $0 == nil { $0 = error } }
                        next.store(count, ordering: .relaxed)
                    }
                }
            }
            if let error = failure.withLock({ $0 }) { throw error }
        }
    }
}

/// What the workers of a pool share: rounds, in each of which every worker runs one task once.
///
/// `Base.Monitor` would wake all workers whenever one of them takes the task, several times per block.
///
/// Safe to share: everything that changes is only touched while `condition` is locked.
private final class Rounds: @unchecked Sendable {
    private let condition = Condition()
    private let others: Int
    private var round = 0
    private var task: ((_ worker: Int) -> Void)?
    private var running = 0
    private var isClosed = false

    init(others: Int) { self.others = others }

    /// Runs the task on the calling thread as number 0 and on all other workers, and waits for all of them.
    func perform(_ task: (_ worker: Int) -> Void) {
        withoutActuallyEscaping(task) { task in
            condition.lock()
            self.task = task
            round += 1
            running = others
            condition.broadcast()
            condition.unlock()

            task(0)

            condition.lock()
            while running > 0 { condition.wait() }
            self.task = nil
            condition.unlock()
        }
    }

    /// Runs each round's task once, until the pool is closed.
    func serve(as number: Int) {
        var seen = 0
        condition.lock()
        while true {
            while round == seen && !isClosed { condition.wait() }
            if isClosed { break }
            seen = round
            let task = task
            condition.unlock()
            task?(number)
            condition.lock()
            running -= 1
            if running == 0 { condition.broadcast() }
        }
        condition.unlock()
    }

    func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }
}
