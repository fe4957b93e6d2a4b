/// Where workers leave numbered results and one consumer takes them in order.
package final class OrderedResults<Element: Sendable>: Sendable {
    private let buffer: Monitor<ResequencingBuffer<Element>>

    /// - Parameter capacity: how far ahead of the next result due a worker may be, at least 1.
    package init(capacity: Int) { buffer = Monitor(ResequencingBuffer(capacity: capacity)) }

    /// Waits while the result is too far ahead, then stores it.
    ///
    /// - Returns: false when the consumer is gone and the worker should stop.
    package func deliver(_ element: Element, at index: Int) -> Bool {
        buffer.wait { $0.insert(element, at: index).accepted }
    }

    /// Waits for the next result in order.
    ///
    /// - Returns: nil at the end.
    /// - Throws: the first worker's error, after the results before it.
    package func next() throws -> Element? {
        try buffer.wait { try $0.pop().settled }
    }

    /// The workers are done, with the first error among them if any.
    package func close(_ ending: Ending) { buffer.change { $0.close(ending) } }

    /// The consumer wants nothing more; waiting workers are told to stop.
    package func cancel() { buffer.change { $0.cancel() } }
}
