import Base

/// Computes a value for each of some numbers, on threads of its own and ahead of whoever takes them, and gives the values in
/// the numbers' order.
///
/// At most `ahead` values wait and each thread computes one, so that memory is bounded.
final class OrderedWork<Value: Sendable>: Sendable {
    private let results: OrderedResults<Value>
    private let threads: [StageThread]
    private let isStopped: Mutex<Bool>

    /// Starts at once.
    ///
    /// - Parameters:
    ///   - name: of the threads, which are numbered.
    ///   - threads: at least 1, and so is `ahead`.
    ///   - value: called on the threads; it may ask `Cancellation` whether it is to be given up.
    init(
        _ numbers: Range<Int>, name: String, threads: Int, ahead: Int,
        _ value: @escaping @Sendable (Int) throws -> Value
    ) {
        let results = OrderedResults<Value>(capacity: ahead)
        let isStopped = Mutex(false)
        let next = Mutex(numbers.lowerBound)
        let running = Mutex(threads)
        (self.results, self.isStopped) = (results, isStopped)
        self.threads = (0..<threads).map { thread in
            StageThread(name: "\(name)-\(thread)") {
                do {
                    try Cancellation.asking({ isStopped.withLock { $0 } }) {
                        while true {
                            let number = next.withLock { next in
                                defer { next += 1 }
                                return next
                            }
                            guard number < numbers.upperBound,
                                results.deliver(try value(number), at: number - numbers.lowerBound)
                            else { break }
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

    /// Waits for the next value.
    ///
    /// - Returns: nil after the last one, and after `stop`.
    /// - Throws: the first error.
    func next() throws -> Value? { try results.next() }

    /// Ends the threads, in the middle of a value where that asks `Cancellation`, and waits for them.
    func stop() {
        // In this order: a value that is given up is no error to whoever still waits.
        results.cancel()
        isStopped.withLock { $0 = true }
        for thread in threads { thread.join() }
    }

    deinit { stop() }
}
