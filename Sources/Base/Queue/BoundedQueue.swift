/// A first-in-first-out queue between threads that holds at most `capacity` elements: a producer that is
/// ahead waits, and so memory is bounded by the queue and not by the clip.
package final class BoundedQueue<Element: Sendable>: Sendable {
    private let buffer: Monitor<BoundedBuffer<Element>>

    /// - Parameter capacity: at least 1.
    package init(capacity: Int) { buffer = Monitor(BoundedBuffer(capacity: capacity)) }

    /// Waits for room and stores an element.
    ///
    /// - Returns: false when the queue is closed and the producer should stop.
    package func push(_ element: Element) -> Bool {
        buffer.wait { $0.push(element).accepted }
    }

    /// Waits for an element.
    ///
    /// - Returns: nil at the end.
    /// - Throws: the producer's error, after everything stored before it.
    package func pop() throws -> Element? {
        try buffer.wait { try $0.pop().settled }
    }

    /// The producer's end: nothing more will come.
    package func finish() { buffer.change { $0.close(.success(())) } }

    /// The producer's end: nothing more will come, because of an error.
    package func fail(_ error: any Error) { buffer.change { $0.close(.failure(error)) } }

    /// The consumer's end: nothing more is wanted; a waiting producer is told to stop.
    package func cancel() { buffer.change { $0.cancel() } }
}
