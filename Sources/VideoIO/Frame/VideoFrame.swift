import Pixels

/// One frame.
package struct VideoFrame: Sendable {
    package let image: RGBImage
    /// Number of the frame in the source, from 0, in the order frames are shown.
    package let index: Int
    /// When the source shows it.
    package let time: FrameTime
    /// When an output shows it: as the source does, or, where the selection leaves out the beginning, counted
    /// from the first frame selected.
    package let outputTime: FrameTime
}
