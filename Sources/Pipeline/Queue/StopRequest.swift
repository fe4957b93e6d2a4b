import Base

/// A wish, from another thread or a signal, that a job stop taking in frames and finish those it has.
package final class StopRequest: Sendable {
    private let requested = Monitor(false)

    package init() {}

    package var isRequested: Bool { requested.wait { $0 } }

    /// - Returns: whether this was the first request.
    @discardableResult
    package func request() -> Bool {
        var isFirst = false
        requested.change {
            isFirst = !$0
            $0 = true
        }
        return isFirst
    }
}
