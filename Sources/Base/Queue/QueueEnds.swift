/// The two ends of a queue, each of which can close.
struct QueueEnds {
    private var ending: Ending?
    private(set) var isCancelled = false

    /// Whether nothing more is taken in.
    var isClosed: Bool { isCancelled || ending != nil }

    /// Closes the producers' end; the first ending counts.
    mutating func close(_ result: Ending) {
        if ending == nil { ending = result }
    }

    /// Closes the consumer's end.
    mutating func cancel() { isCancelled = true }

    /// What the consumer is told when there is nothing to give.
    ///
    /// - Throws: the producers' error.
    func outcomeWhenEmpty<Element>() throws -> PopOutcome<Element> {
        if isCancelled { return .ended }
        guard let ending else { return .empty }
        try ending.get()
        return .ended
    }
}
