/// How a queue's producers ended: with nothing more to come, or with an error.
package typealias Ending = Result<Void, any Error>

/// What came of offering a value to a queue.
package enum PushOutcome: Equatable {
    case stored
    /// The producer has to wait.
    case full
    /// The producer should stop.
    case closed

    /// Whether the value was taken; nil while that is not decided.
    package var accepted: Bool? {
        switch self {
        case .stored: true
        case .closed: false
        case .full: nil
        }
    }
}

/// What came of asking a queue for a value.
package enum PopOutcome<Element> {
    case element(Element)
    /// The consumer has to wait.
    case empty
    case ended

    /// The element, or nil inside for the end; nil while that is not decided.
    package var settled: Element?? {
        switch self {
        case .element(let element): .some(element)
        case .ended: .some(nil)
        case .empty: nil
        }
    }
}
