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
            if let result = try attempt(&state) {
                condition.broadcast()
                return result
            }
            condition.wait()
        }
    }

    /// Changes the state under the lock and wakes the waiting threads.
    package func change(_ body: (inout State) -> Void) {
        condition.lock()
        defer { condition.unlock() }
        body(&state)
        condition.broadcast()
    }
}
