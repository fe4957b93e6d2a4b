import Pixels

/// The selected frames of an input in the order they are shown, decoded and not yet converted.
protocol SelectedFrames: AnyObject {
    /// Where the selection lies, as far as is known by now.
    var clock: SelectionClock { get }

    /// The next selected frame; `nil` after the last one.
    func next() throws -> NumberedFrame?

    /// What a frame that `next` gave says about its picture; nil once the frames are closed.
    func tags(of frame: NumberedFrame) -> FrameTags?

    /// Records whether the pictures change their size.
    func note(changesSize: Bool)

    /// How many frames the whole input holds.
    func countAll() throws -> Int

    /// Which frames there are, without decoding them; nil where only that tells.
    func outline() throws -> SelectionOutline?

    /// The audio packets to deliver with a frame.
    func packets(with frame: FrameTime) -> [AudioPacket]

    /// Audio packets after the last frame; none before that is delivered.
    func trailingPackets() throws -> [AudioPacket]

    /// Frees decoder and file. Later calls give no more frames.
    func close()
}
