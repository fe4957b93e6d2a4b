import Methods
import Pixels
import VideoIO

/// A frame with all that was found out about it, as sinks take it.
package struct AnnotatedFrame: Sendable {
    package let frame: VideoFrame
    /// Whether its pixels are those of the frame before. Then a worker leaves `maps` and `masks` empty, and
    /// `repeatFindings` fills them in once the frames are in order.
    let repeatsPrevious: Bool
    /// In the order of the analysis's sources.
    package private(set) var maps: [FrameMaps]
    /// Above 0 where a patch is within the mask, for each source; empty where the views show no masks.
    package private(set) var masks: [Plane]
    /// How the maps of each source came about; nil where they were not taken over, and empty where no maps are computed.
    let reuse: [FrameReuse?]
    /// In the order of the job's recordings.
    package let recorded: [RecordedFrame]

    init(
        _ input: FrameInStep, maps: [FrameMaps] = [], masks: [Plane] = [], reuse: [FrameReuse?] = [],
        recorded: [RecordedFrame]
    ) {
        frame = input.frame
        repeatsPrevious = input.repeatsPrevious
        self.maps = maps
        self.masks = masks
        self.reuse = reuse
        self.recorded = recorded
    }

    /// Takes maps and masks over from the frame before where the pixels are the same.
    ///
    /// - Parameter last: those of the frame before; becomes those of this frame.
    mutating func repeatFindings(_ last: inout (maps: [FrameMaps], masks: [Plane])) {
        if repeatsPrevious { (maps, masks) = last } else { last = (maps, masks) }
    }
}

/// What a recording shows at the time of a frame.
package struct RecordedFrame: Sendable {
    package let picture: RGBImage
    /// The heat read back from the colors, 0…1, where the analysis has a grid for it.
    package let map: Plane?
}

/// The numbers found in a frame: all that exports and statistics are made of, and what a segment keeps of them.
package struct FrameNumbers: Sendable {
    /// Of the frame in the source.
    package let index: Int
    /// When the source shows it.
    package let timeSeconds: Double
    /// In the order of the analysis's sources.
    package let maps: [FrameMaps]
    /// Of the recordings that are read back as maps.
    package let recordedMaps: [Plane]
}

extension AnnotatedFrame {
    var numbers: FrameNumbers {
        FrameNumbers(
            index: frame.index, timeSeconds: frame.time.seconds, maps: maps,
            recordedMaps: recorded.compactMap(\.map))
    }
}
