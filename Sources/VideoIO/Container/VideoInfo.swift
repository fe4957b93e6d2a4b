import Pixels

/// What is known of a video once it is open.
package struct VideoInfo: Sendable {
    /// Size of the pictures delivered: upright, with square pixels.
    package let height: Int
    package let width: Int
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
    /// Title, chapters and the like, on the source's clock.
    package let metadata: MediaMetadata
    /// What the input holds besides video and sound, in words: subtitles, attachments; empty for most.
    package let otherContent: [String]
}
