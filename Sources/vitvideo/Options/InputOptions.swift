import ArgumentParser
import VideoIO

/// What is read: one clip.
struct InputPath: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "Video, numbered pictures (frames/f%03d.png), or '-' for standard input.", valueName: "input"))
    var path: String
}

/// What is read: a clip, or pictures that are none.
struct InputPaths: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            """
            Video, picture, numbered pictures (frames/f%03d.png), or '-' for standard input. Or several pictures and \
            directories of pictures, which are no clip: of any sizes, one output each (-o out/%s.png). To 'batch' \
            videos, directories of videos, and patterns.
            """, valueName: "input"))
    var paths: [String]
}

/// Which frames of the input are read, and how.
struct InputOptions: ParsableArguments {
    // The value may begin with a minus.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Frames as a Python slice: 50:100, 100:, ::10, -25:.", valueName: "a:b[:step]"))
    var frames: String?

    @Option(
        name: .customLong("ss", withSingleDash: true),
        help: ArgumentHelp("Start at this time, as ffmpeg writes it: 90, 1:30, 500ms.", valueName: "time"))
    var start: String?

    @Option(
        name: .customLong("to", withSingleDash: true),
        help: ArgumentHelp("Stop at this time.", valueName: "time"))
    var end: String?

    @Option(
        name: .customShort("t"), help: ArgumentHelp("Stop after this duration.", valueName: "duration"))
    var duration: String?

    @Option(
        help: ArgumentHelp(
            "Which of several video streams, from 0. (default: the one FFmpeg holds best)", valueName: "n"))
    var videoStream: Int?

    @Flag(help: "Damaged input is an error (exit code 65), not a warning.")
    var strict = false

    @Flag(help: "Read http:// and https:// addresses too. Without it nothing but files and pipes is read.")
    var allowNetwork = false

    func validate() throws {
        if let videoStream, videoStream < 0 { throw ValidationError("--video-stream counts from 0") }
        if frames != nil && (start != nil || end != nil || duration != nil) {
            throw ValidationError("--frames and -ss/-to/-t both choose a range; give one of them")
        }
    }

    /// - Throws: `VitvideoError` of kind `usage` for a malformed range.
    func selection() throws -> FrameSelection {
        if let frames { return try FrameSelection(slice: frames) }
        if start == nil && end == nil && duration == nil { return .all }
        return try FrameSelection(start: start, end: end, duration: duration)
    }

    /// The options that choose among the frames of a clip, those that were given.
    var ofClip: [String] { settings.compactMap { $0.value == nil ? nil : $0.name } }

    /// The input itself counts with its content, whatever its name.
    var settings: JobSettings {
        [
            ("--frames", frames), ("-ss", start), ("-to", end), ("-t", duration),
            ("--video-stream", videoStream.map(String.init)),
        ]
    }
}
