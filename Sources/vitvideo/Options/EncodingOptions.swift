import ArgumentParser
import VideoIO

/// How a video is encoded, and what of the input goes along with it.
struct EncodingOptions: ParsableArguments {
    @Flag(help: "Leave the sound out.")
    var noAudio = false

    @Flag(help: "Leave title, creation time, languages and chapters out.")
    var noMetadata = false

    @Option(
        help: ArgumentHelp("Video encoder by FFmpeg's name. (default: h264, for webm vp9)", valueName: "name")
    )
    var codec: String?

    @Option(help: ArgumentHelp("Constant quality, lower is better.", valueName: "n"))
    var crf: Amount = 18.0

    @Option(help: ArgumentHelp("Encoder speed: ultrafast to veryslow.", valueName: "name"))
    var preset: String = "veryfast"

    /// - Parameters:
    ///   - threads: of the encoder.
    ///   - isRepeatable: whether every run gives the same bytes.
    func writerOptions(
        for reader: VideoReader, overwrite: Bool, threads: Int, isRepeatable: Bool = false,
        onWarning: @escaping @Sendable (MediaWarning) -> Void
    ) -> WriterOptions {
        let info = reader.info
        return WriterOptions(
            codec: codec, crf: crf.value, preset: preset, frameRate: info.frameRate, timeBase: info.timeBase,
            audio: noMetadata ? info.audioStreams.map(\.withoutTags) : info.audioStreams,
            metadata: noMetadata ? MediaMetadata() : reader.metadata, leftOut: info.otherContent,
            overwrite: overwrite, threads: threads, isRepeatable: isRepeatable, onWarning: onWarning)
    }

    func validate() throws {
        guard (0...63).contains(crf.value) else { throw ValidationError("--crf is between 0 and 63") }
    }

    var settings: JobSettings {
        [
            ("--no-audio", noAudio ? "given" : nil), ("--no-metadata", noMetadata ? "given" : nil),
            ("--codec", codec), ("--crf", "\(crf.value)"), ("--preset", preset),
        ]
    }
}
