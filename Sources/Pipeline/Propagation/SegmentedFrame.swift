import Pixels
import Probing
import VideoIO

/// A frame whose objects are known.
package struct SegmentedFrame: Sendable {
    package let frame: VideoFrame
    /// Whether its mask was given, not propagated.
    package let isGiven: Bool
    package let features: PatchFeatures
    package let soft: SoftLabels
    /// Of the frame's size.
    package let mask: IndexMask
}

/// Where segmented frames go.
package protocol SegmentationSink: FrameOutput {
    func consume(_ frame: SegmentedFrame) throws
}
