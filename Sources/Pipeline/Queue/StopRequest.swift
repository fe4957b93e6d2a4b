import Base

/// A wish, from another thread or a signal, that a job stop taking in frames and finish those it has. What takes
/// longer than a person waits is given up.
package final class StopRequest: Sendable {
    private let time = Mutex<ContinuousClock.Instant?>(nil)
    private let patience: Duration

    /// - Parameter patience: how long after the wish what is under way may go on.
    package init(patience: Duration = .seconds(2)) { self.patience = patience }

    package var isRequested: Bool { time.withLock { $0 != nil } }

    /// Whether what is still under way is to be given up.
    package var isOverdue: Bool {
        guard let time = time.withLock({ $0 }) else { return false }
        return ContinuousClock.now - time >= patience
    }

    /// - Returns: whether this was the first request.
    @discardableResult
    package func request() -> Bool {
        time.withLock { time in
            guard time == nil else { return false }
            time = .now
            return true
        }
    }
}
