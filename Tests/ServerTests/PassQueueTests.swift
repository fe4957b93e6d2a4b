import Base
import Foundation
import Testing

@testable import Server

/// Clients that share a worker. Gates, not sleeps, say what comes first.
@Suite struct PassQueueTests {
    /// What is open from some time on.
    private final class Gate: Sendable {
        private let state = Monitor(false)
        func open() { state.change { $0 = true } }
        var isOpen: Bool { state.read { $0 } }
        func pass() { state.wait { $0 ? true : nil } }
    }

    private func client(_ session: String, gone: Gate? = nil) -> PassClient {
        PassClient(session: session, isGone: { gone?.isOpen ?? false })
    }

    /// Waits for what another thread brings about.
    private func until(_ isTrue: () -> Bool) {
        while !isTrue() { sched_yield() }
    }

    @Test func oneWorkIsDoneOnceForAll() {
        let queue = PassQueue(workers: 1, threads: 1)
        let (gate, count) = (Gate(), Base.Mutex(0))
        let threads = (0..<5).map { number in
            StageThread(name: "client") {
                let value: Int? = try? queue.value("same", for: client("\(number)")) { _, _ in
                    gate.pass()
                    return count.withLock { count -> Int in
                        count += 1
                        return count
                    }
                }
                #expect(value == 1)
            }
        }
        until {
            queue.progress(of: "0").running != nil
                && (0..<5).allSatisfy { queue.progress(of: "\($0)").running != nil }
        }
        gate.open()
        for thread in threads { thread.join() }
        #expect(queue.count == 0)
        queue.stop()
    }

    @Test func theNewestWishIsNextAndTheGoneOnesAreDropped() {
        let queue = PassQueue(workers: 1, threads: 1)
        let (gate, done, gone) = (Gate(), Base.Mutex([Int]()), Gate())
        func ask(_ number: Int, gone: Gate? = nil, first: Bool = false) -> StageThread {
            StageThread(name: "client") {
                _ = try? queue.value("\(number)", for: client("a", gone: gone), of: Int.self) { _, _ in
                    if first { gate.pass() }
                    done.withLock { $0.append(number) }
                    return number
                }
            }
        }
        var threads = [ask(0, first: true)]
        until { queue.progress(of: "a").running != nil }
        for number in 1...3 {
            threads.append(ask(number, gone: number == 2 ? gone : nil))
            until { queue.progress(of: "a").waiting == number }
        }
        gone.open()
        until { queue.progress(of: "a").waiting == 2 }
        gate.open()
        for thread in threads { thread.join() }
        #expect(done.withLock { $0 } == [0, 3, 1])
        queue.stop()
    }

    @Test func whatRunsForNobodyIsGivenUp() {
        let queue = PassQueue(workers: 1, threads: 1)
        let (gone, wasCancelled) = (Gate(), Gate())
        let thread = StageThread(name: "client") {
            #expect(throws: Cancellation.Cancelled.self) {
                let _: Int = try queue.value("long", for: client("a", gone: gone)) { _, _ in
                    do {
                        while true { try Cancellation.check() }
                    } catch {
                        wasCancelled.open()
                        throw error
                    }
                }
            }
        }
        until { queue.progress(of: "a").running != nil }
        gone.open()
        thread.join()
        wasCancelled.pass()
        until { queue.count == 0 }
        queue.stop()
    }

    @Test func theEndLeavesNobodyWaiting() {
        let queue = PassQueue(workers: 1, threads: 1)
        let threads = (0..<3).map { number in
            StageThread(name: "client") {
                #expect(throws: Cancellation.Cancelled.self) {
                    let _: Int = try queue.value("\(number)", for: client("a")) { _, _ in
                        while true { try Cancellation.check() }
                    }
                }
            }
        }
        until { queue.count == 3 }
        queue.stop()
        for thread in threads { thread.join() }
    }

    @Test func errorsArrive() {
        let queue = PassQueue(workers: 1, threads: 1)
        #expect(throws: HTTPProblem(.notFound, "no")) {
            let _: Int = try queue.value("bad", for: client("a")) { _, _ in throw HTTPProblem(.notFound, "no")
            }
        }
        queue.stop()
    }
}
