/// A value shared by threads that wait for each other's changes to it.
///
/// Safe to share: `state` is only touched while `condition` is locked.
package final class Monitor<State>: @unchecked Sendable {
    private let condition = Condition()
    private var state: State

    package init(_ state: State) { self.state = state }

    /// Tries `attempt` under the lock until it gives a result, waiting in between for another thread's
    /// change, and wakes the others when it did.
    @discardableResult
    package func wait<Result>(until attempt: (inout State) throws -> Result?) rethrows -> Result {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let result = try tried(attempt) { return result }
            condition.wait()
        }
    }

    /// As `wait(until:)`, for a time at most.
    ///
    /// - Returns: nil where the time is over first.
    package func wait<Result>(
        atMost seconds: Double, until attempt: (inout State) throws -> Result?
    ) rethrows -> Result? {
        let end = ContinuousClock.now + .seconds(seconds)
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let result = try tried(attempt) { return result }
            let left = (end - .now) / .seconds(1)
            guard left > 0, condition.wait(atMost: left) else { return try tried(attempt) }
        }
    }

    /// One attempt, with the lock held; wakes the others where it gave a result.
    private func tried<Result>(_ attempt: (inout State) throws -> Result?) rethrows -> Result? {
        guard let result = try attempt(&state) else { return nil }
        condition.broadcast()
        return result
    }

    /// Looks at the state under the lock; nobody is woken.
    package func read<Result>(_ body: (State) throws -> Result) rethrows -> Result {
        condition.lock()
        defer { condition.unlock() }
        return try body(state)
    }

    /// Changes the state under the lock and wakes the waiting threads.
    package func change(_ body: (inout State) -> Void) {
        condition.lock()
        defer { condition.unlock() }
        body(&state)
        condition.broadcast()
    }
}
