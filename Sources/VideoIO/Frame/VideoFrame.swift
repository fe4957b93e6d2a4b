import Pixels

/// One frame, with what came before it.
package struct VideoFrame: Sendable {
    package let image: RGBImage
    /// Number of the frame in the source, from 0, in the order frames are shown.
    package let index: Int
    /// When the source shows it.
    package let time: FrameTime
    /// When an output shows it: as the source does, or, where the selection leaves out the beginning, counted
    /// from the first frame selected.
    package let outputTime: FrameTime
    /// Audio packets of the selection that were found up to this frame, in order, on the output's clock.
    package let packets: [AudioPacket]
}
