import Pixels

/// How to read a video.
package struct ReaderOptions: Sendable {
    /// Which frames to deliver.
    package var frames: FrameSelection
    /// Where another reader of the same selection got to; nil to begin with its first frame.
    package var continuation: ReaderPosition?
    /// Whether audio packets are read along with the frames.
    package var keepAudio: Bool
    /// Decoder threads; 0 lets FFmpeg choose by the number of cores.
    package var threads: Int
    /// Which of the video streams, from 0; `nil` takes the one FFmpeg holds best.
    package var videoStream: Int?
    /// Frames a second of a sequence of pictures, which has no clock of its own.
    package var sequenceFrameRate: Rational
    /// Whether damage is an error instead of a warning.
    package var isStrict: Bool
    /// Whether `http://` and `https://` addresses are read too; otherwise nothing but files and standard input is.
    package var allowsNetwork: Bool
    /// Called for each warning as it arises, on the thread that reads. Warnings are also collected in
    /// `VideoReader.warnings`.
    package var onWarning: (@Sendable (MediaWarning) -> Void)?

    package init(
        frames: FrameSelection = .all, continuation: ReaderPosition? = nil, keepAudio: Bool = true,
        threads: Int = 0, videoStream: Int? = nil,
        sequenceFrameRate: Rational = Rational(25, 1), isStrict: Bool = false, allowsNetwork: Bool = false,
        onWarning: (@Sendable (MediaWarning) -> Void)? = nil
    ) {
        self.frames = frames
        self.continuation = continuation
        self.keepAudio = keepAudio
        self.threads = threads
        self.videoStream = videoStream
        self.sequenceFrameRate = sequenceFrameRate
        self.isStrict = isStrict
        self.allowsNetwork = allowsNetwork
        self.onWarning = onWarning
    }
}

/// How far one reader got, for another one of the same selection to go on from. Its frames have the numbers, times
/// and pixels that those of the first one would have had; it may find that there are none left.
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

/// Where a selection lies in its source, in ticks of `VideoInfo.timeBase`.
package struct SelectionSpan: Sendable, Equatable, Codable {
    /// The source's time of the first frame, where output times are counted from it; nil where they are the source's.
    package var startTicks: Int64?
    /// Where a selection with an end of its own ends, exclusive. Known once the reader has delivered all.
    package var endTicks: Int64?

    package init(startTicks: Int64? = nil, endTicks: Int64? = nil) {
        self.startTicks = startTicks
        self.endTicks = endTicks
    }
}

/// What is known of a video once it is open.
package struct VideoInfo: Sendable {
    /// Size of the pictures delivered: upright, with square pixels.
    package let height: Int
    package let width: Int
    /// Size of the pictures as stored.
    package let sourceHeight: Int
    package let sourceWidth: Int
    /// Seconds per tick of every `FrameTime` delivered.
    package let timeBase: Rational
    /// Frames a second: the average for a variable rate, `nil` where unknown.
    package let frameRate: Rational?
    /// How many frames the selection holds, exact or estimated from duration and rate; `nil` where the input
    /// does not say. For progress only.
    package let expectedFrameCount: Int?
    /// Length of the whole input; `nil` where unknown.
    package let durationSeconds: Double?
    /// FFmpeg's names of the codec and of the stored pixel format.
    package let codecName: String
    package let pixelFormatName: String
    /// FFmpeg's name of the container.
    package let formatName: String
    /// Whether the input is one still picture.
    package let isStill: Bool
    /// Whether the input can be read a second time: files and sequences, not pipes.
    package let canReopen: Bool
    /// The audio streams whose packets are in `VideoReader.audio`; empty without `keepAudio`.
    package let audioStreams: [AudioStreamInfo]
}

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

/// Collects warnings, each text once, and passes them on.
final class WarningLog {
    private(set) var warnings: [MediaWarning] = []
    private let onWarning: (@Sendable (MediaWarning) -> Void)?

    init(_ onWarning: (@Sendable (MediaWarning) -> Void)?) { self.onWarning = onWarning }

    func add(_ warning: MediaWarning) {
        guard !warnings.contains(warning) else { return }
        warnings.append(warning)
        onWarning?(warning)
    }
}
