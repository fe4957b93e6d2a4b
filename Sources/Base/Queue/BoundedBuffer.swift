/// The logic of a bounded queue, without a lock.
///
/// Either end can close: the producer's (nothing more will come, perhaps because of an error) and the
/// consumer's (nothing more is wanted).
package struct BoundedBuffer<Element> {
    package let capacity: Int
    private var elements: [Element] = []
    private var ends = QueueEnds()

    package init(capacity: Int) {
        precondition(capacity > 0, "a queue holds at least one element")
        self.capacity = capacity
    }

    package mutating func push(_ element: Element) -> PushOutcome {
        if ends.isClosed { return .closed }
        if elements.count == capacity { return .full }
        elements.append(element)
        return .stored
    }

    /// What was stored before the end still comes out.
    ///
    /// - Throws: the producer's error, once everything stored before it has been taken.
    package mutating func pop() throws -> PopOutcome<Element> {
        if !elements.isEmpty { return .element(elements.removeFirst()) }
        return try ends.outcomeWhenEmpty()
    }

    /// Closes the producer's end; the first ending counts.
    package mutating func close(_ result: Ending) { ends.close(result) }

    /// Closes the consumer's end and drops what is stored.
    package mutating func cancel() {
        ends.cancel()
        elements.removeAll()
    }
}
