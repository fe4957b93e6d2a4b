import Pixels

/// A decoded frame with its number and time.
struct NumberedFrame {
    var handle: FrameHandle
    /// From 0, in the order frames are shown.
    var index: Int
    var time: FrameTime
    var isSelected: Bool
}
