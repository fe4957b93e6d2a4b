/// A wish, from another thread or a signal, that a job stop taking in frames and finish those it has.
public final class StopRequest: Sendable {
    private let requested = Monitor(false)

    public init() {}

    public var isRequested: Bool { requested.wait { $0 } }

    /// - Returns: whether this was the first request.
    @discardableResult
    public func request() -> Bool {
        var isFirst = false
        requested.change {
            isFirst = !$0
            $0 = true
        }
        return isFirst
    }
}
