import Pixels

/// Which frames of its source a selection has, known before they are decoded: what readers on several machines share out
/// among themselves, and begin at once from.
package struct SelectionOutline: Sendable, Equatable {
    /// How many frames.
    package var frames: Int
    /// Number of the first one in the source.
    package var firstIndex: Int
    /// How far apart they are there.
    package var step: Int
    /// As in `SelectionSpan`.
    package var startTicks: Int64?
    /// The times of the source's frames and where decoding can begin; nil where a reader has to decode from the
    /// beginning, or opens pictures one by one.
    package var index: FrameIndex?

    package init(
        frames: Int, firstIndex: Int, step: Int, startTicks: Int64? = nil, index: FrameIndex? = nil
    ) {
        self.frames = frames
        self.firstIndex = firstIndex
        self.step = step
        self.startTicks = startTicks
        self.index = index
    }

    /// - Parameter times: of all frames of the source.
    init(of plan: SelectionPlan, times: [FrameTime], index: FrameIndex?) {
        let selected = times.indices.filter { plan.isSelected(index: $0, time: times[$0]) }
        var step = 1
        if case .slice(let slice) = plan.rule { step = slice.step }
        self.init(frames: selected.count, firstIndex: selected.first ?? 0, step: step, index: index)
    }

    /// Number in the source of a frame of the selection.
    package func index(ofFrame position: Int) -> Int { firstIndex + position * step }

    /// Where a reader goes on that begins with a frame of the selection.
    package func position(ofFrame position: Int) -> ReaderPosition {
        ReaderPosition(index: index(ofFrame: position), startTicks: startTicks)
    }
}
