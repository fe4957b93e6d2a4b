import Base
import CFFmpeg

/// Positions and durations in ffmpeg's time syntax.
package enum MediaTime {
    /// Microseconds, FFmpeg's own unit, from `90`, `90.5`, `1:02.5`, `00:01:02.5`, `1500ms` or `200us`, with
    /// a leading `-` for negative times: the syntax of ffmpeg-utils(1), "Time duration".
    /// - Throws: `VitvideoError` of kind `usage` for anything else.
    package static func parseMicroseconds(_ text: String) throws -> Int64 {
        MediaLog.install()
        var microseconds: Int64 = 0
        guard av_parse_time(&microseconds, text, 1) >= 0 else {
            throw VitvideoError(
                .usage, cannot: "read the time '\(text)'", reason: "it is not in ffmpeg's time syntax",
                nextStep: .advice("write seconds (90, 1.5), HH:MM:SS.m (00:01:02.5), 1500ms or 200us"))
        }
        return microseconds
    }
}
