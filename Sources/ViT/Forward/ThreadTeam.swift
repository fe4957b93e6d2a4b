import Base
import Foundation

import struct Synchronization.Atomic

/// Threads that share the work of one frame; the calling thread is one of them. One thread at a time calls `run`.
final class ThreadTeam: Sendable {
    let threads: Int
    private let crew: Crew

    /// - Parameter threads: at least 1; one less is started.
    init(threads: Int) {
        self.threads = max(threads, 1)
        crew = Crew(helpers: self.threads - 1)
        for number in 1..<self.threads {
            let helper = Thread { [crew] in crew.serve(as: number) }
            helper.name = "frame-\(number)"
            helper.start()
        }
    }

    deinit { crew.close() }

    /// Calls `body` for each index below `count`, on whichever thread is free.
    ///
    /// - Parameter body: given the index and the number of the thread, 0 to `threads − 1`.
    /// - Throws: the first error of `body`; the rest of the work is left then.
    func run(count: Int, _ body: (_ index: Int, _ thread: Int) throws -> Void) throws {
        if threads == 1 || count <= 1 {
            for index in 0..<count { try body(index, 0) }
            return
        }
        let next = Atomic<Int>(0)
        let failure = Mutex<(any Error)?>(nil)
        try withoutActuallyEscaping(body) { body in
            // The task is over when `perform` returns, and each index goes to one thread.
            nonisolated(unsafe) let body = body
            crew.perform { thread in
                while true {
                    let index = next.add(1, ordering: .relaxed).oldValue
                    guard index < count else { return }
                    do {
                        try body(index, thread)
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

/// What the threads of a team share.
///
/// Safe to share: everything that changes is only touched while `condition` is locked.
private final class Crew: @unchecked Sendable {
    private let condition = NSCondition()
    private let helpers: Int
    private var round = 0
    private var task: ((_ thread: Int) -> Void)?
    private var atWork = 0
    private var isClosed = false

    init(helpers: Int) { self.helpers = helpers }

    /// Runs the task on the calling thread as number 0 and on every helper, and waits for all of them.
    func perform(_ task: (_ thread: Int) -> Void) {
        withoutActuallyEscaping(task) { task in
            condition.lock()
            self.task = task
            round += 1
            atWork = helpers
            condition.broadcast()
            condition.unlock()

            task(0)

            condition.lock()
            while atWork > 0 { condition.wait() }
            self.task = nil
            condition.unlock()
        }
    }

    /// A helper's life: each round's task once, until the team is let go of.
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
            atWork -= 1
            if atWork == 0 { condition.broadcast() }
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
