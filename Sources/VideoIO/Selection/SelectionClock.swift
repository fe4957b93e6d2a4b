import Pixels

/// Start and end of a selection in its source, as they become known, and the output's clock.
struct SelectionClock {
    /// The source's time of the first selected frame; known once that is reached.
    private(set) var start: FrameTime?
    /// Where a selection with an end of its own ends, exclusive.
    var end: FrameTime?
    /// Whether output times are counted from `start`; otherwise they are the source's.
    private var countsFromStart = false

    /// - Parameter continuation: where another reader of the same selection got to.
    init(continuing continuation: ReaderPosition?, timeBase: Rational) {
        guard let continuation else { return }
        countsFromStart = continuation.startTicks != nil
        start = FrameTime(ptsTicks: continuation.startTicks ?? 0, durationTicks: 0, timeBase: timeBase)
    }

    /// Sets the start.
    /// - Parameter isMidway: whether the selection leaves out the source's beginning.
    mutating func begin(at time: FrameTime, isMidway: Bool) {
        start = time
        countsFromStart = isMidway
    }

    /// When an output shows a frame.
    func outputTime(of time: FrameTime) -> FrameTime {
        guard countsFromStart, let start else { return time }
        var time = time
        time.ptsTicks -= start.ptsTicks
        return time
    }

    var span: SelectionSpan {
        SelectionSpan(startTicks: countsFromStart ? start?.ptsTicks : nil, endTicks: end?.ptsTicks)
    }
}
