/// The logic that puts numbered results back in order, without a lock.
///
/// Results 0, 1, 2, … arrive in any order, at most `capacity` ahead of the next one due, which is always
/// accepted: whoever holds it never waits, so the buffer cannot lock up.
package struct ResequencingBuffer<Element> {
    package let capacity: Int
    private var next = 0
    private var waiting: [Int: Element] = [:]
    private var ends = QueueEnds()

    package init(capacity: Int) {
        precondition(capacity > 0, "a buffer holds at least one element")
        self.capacity = capacity
    }

    package mutating func insert(_ element: Element, at index: Int) -> PushOutcome {
        if ends.isClosed { return .closed }
        if index >= next + capacity { return .full }
        waiting[index] = element
        return .stored
    }

    /// - Throws: the producers' error, once every result before the gap it left has been taken.
    package mutating func pop() throws -> PopOutcome<Element> {
        if let element = waiting.removeValue(forKey: next) {
            next += 1
            return .element(element)
        }
        return try ends.outcomeWhenEmpty()
    }

    package mutating func close(_ result: Ending) { ends.close(result) }

    package mutating func cancel() {
        ends.cancel()
        waiting.removeAll()
    }
}
