/// How far one reader got, for another one of the same selection to go on from.
///
/// The second reader's frames have the numbers, times and pixels that those of the first one would have had.
/// There may be none left.
package struct ReaderPosition: Sendable, Equatable {
    /// Number of the next frame of the selection in the source.
    package var index: Int
    /// As in `SelectionSpan`.
    package var startTicks: Int64?

    package init(index: Int, startTicks: Int64?) {
        self.index = index
        self.startTicks = startTicks
    }
}
