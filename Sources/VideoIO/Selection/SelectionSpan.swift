/// Where a selection lies in its source, in ticks of `VideoInfo.timeBase`.
package struct SelectionSpan: Sendable, Equatable, Codable {
    /// The source's time of the first frame, where output times are counted from it; nil where they are the
    /// source's.
    package var startTicks: Int64?
    /// Where a selection with an end of its own ends, exclusive. Known once the reader has delivered all.
    package var endTicks: Int64?

    package init(startTicks: Int64? = nil, endTicks: Int64? = nil) {
        self.startTicks = startTicks
        self.endTicks = endTicks
    }
}
