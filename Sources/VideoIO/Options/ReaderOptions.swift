import Pixels

/// How to read a video.
package struct ReaderOptions: Sendable {
    /// Which frames to deliver.
    package var frames: FrameSelection
    /// Where another reader of the same selection got to; nil to begin with its first frame.
    package var continuation: ReaderPosition?
    /// What an `outline` of the same input has found; nil where it is to be found anew where it is needed.
    package var index: FrameIndex?
    /// Whether audio packets are delivered with the frames.
    package var keepAudio: Bool
    /// Decoder threads; 0 lets FFmpeg choose by the number of cores.
    package var threads: Int
    /// Which of the video streams, from 0; `nil` takes the one that FFmpeg ranks best.
    package var videoStream: Int?
    /// Frames a second of a sequence of pictures, which has no clock of its own.
    package var sequenceFrameRate: Rational
    /// Whether damage is an error instead of a warning.
    package var isStrict: Bool
    /// Whether `http://` and `https://` addresses are read too; otherwise only files and standard input are.
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
