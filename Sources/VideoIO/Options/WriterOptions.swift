import Pixels

/// How to write a video.
package struct WriterOptions: Sendable {
    /// A codec (`h264`) or encoder (`libx264`); `nil` takes what is usual for the extension.
    package var codec: String?
    /// Constant rate factor, where the encoder has one: 0 is lossless, 51 the worst.
    package var crf: Double
    /// Speed, by x264's names; other encoders use their nearest.
    package var preset: String
    /// Frames a second: a hint for rate control and for the length of the last frame.
    package var frameRate: Rational?
    /// The clock of the timestamps. With the source's clock no timestamp is rounded.
    package var timeBase: Rational
    /// Streams whose packets will be written, by position in `VideoInfo.audioStreams`.
    package var audio: [AudioStreamInfo]
    /// Title, chapters and the like, on the output's clock; written where the container takes them.
    package var metadata: MediaMetadata
    /// What the source holds that is not written, in words.
    package var leftOut: [String]
    /// Whether an existing file is replaced.
    package var overwrite: Bool
    /// Encoder threads; 0 lets FFmpeg choose.
    package var threads: Int
    /// Whether the same pictures must give the same bytes in every run, on any number of cores. Encoding is
    /// slower then and files are larger.
    package var isRepeatable: Bool
    /// Called for each warning as it arises, on the thread that writes.
    package var onWarning: (@Sendable (MediaWarning) -> Void)?

    package init(
        codec: String? = nil, crf: Double = 18, preset: String = "veryfast", frameRate: Rational? = nil,
        timeBase: Rational = Rational(1, 12_800), audio: [AudioStreamInfo] = [],
        metadata: MediaMetadata = MediaMetadata(), leftOut: [String] = [], overwrite: Bool = false,
        threads: Int = 0, isRepeatable: Bool = false, onWarning: (@Sendable (MediaWarning) -> Void)? = nil
    ) {
        self.codec = codec
        self.crf = crf
        self.preset = preset
        self.frameRate = frameRate
        self.timeBase = timeBase
        self.audio = audio
        self.metadata = metadata
        self.leftOut = leftOut
        self.overwrite = overwrite
        self.threads = threads
        self.isRepeatable = isRepeatable
        self.onWarning = onWarning
    }
}

extension WriterOptions {
    /// The duration of a frame that has none of its own, in ticks; 0 where the rate is unknown.
    private var nominalDuration: Int64 {
        frameRate.map { max(1, rescale(1, from: Rational($0.denominator, $0.numerator), to: timeBase)) } ?? 0
    }

    /// The time with a duration, where one is known.
    func completing(_ time: FrameTime) -> FrameTime {
        guard time.durationTicks <= 0 else { return time }
        return FrameTime(
            ptsTicks: time.ptsTicks, durationTicks: nominalDuration, timeBase: time.timeBase)
    }
}
