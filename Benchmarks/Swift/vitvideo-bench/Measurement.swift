import Foundation
import Synchronization

/// Threads that start together on a signal and are timed until the last has ended.
enum Measurement {
    /// Calls `prepare` on each of `threads` threads; once all have returned, lets the closures that it gave run,
    /// all at once.
    ///
    /// - Returns: seconds from the signal to the last closure's end.
    /// - Throws: the first error of any thread.
    static func seconds(
        threads: Int, prepare: @escaping @Sendable (_ thread: Int) throws -> () throws -> Void
    ) throws -> Double {
        let ready = DispatchSemaphore(value: 0)
        let start = DispatchSemaphore(value: 0)
        let done = DispatchSemaphore(value: 0)
        let failure = Failure()
        for number in 0..<threads {
            let thread = Thread {
                let body = failure.catching { try prepare(number) }
                ready.signal()
                start.wait()
                if let body { failure.catching { try body() } }
                done.signal()
            }
            thread.name = "bench-\(number)"
            thread.start()
        }
        for _ in 0..<threads { ready.wait() }
        let clock = ContinuousClock()
        let begin = clock.now
        for _ in 0..<threads { start.signal() }
        for _ in 0..<threads { done.wait() }
        let elapsed = clock.now - begin
        try failure.rethrow()
        return elapsed / .seconds(1)
    }

    /// The first error of several threads.
    private final class Failure: Sendable {
        private let first = Mutex<(any Error)?>(nil)

        @discardableResult
        func catching<Result>(_ body: () throws -> Result) -> Result? {
            do {
                return try body()
            } catch {
                first.withLock { if $0 == nil { $0 = error } }
                return nil
            }
        }

        func rethrow() throws {
            if let error = first.withLock({ $0 }) { throw error }
        }
    }
}

/// Prints a value as one line of JSON with sorted keys.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}
