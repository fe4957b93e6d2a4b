import CFFmpeg

/// Positions and durations in ffmpeg's time syntax.
package enum MediaTime {
    /// Seconds from `90`, `90.5`, `1:02.5`, `00:01:02.5`, `1500ms` or `200us`, with a leading `-` for negative
    /// times: the syntax of ffmpeg-utils(1), "Time duration".
    /// - Throws: `VideoIOError` of kind `usage` for anything else.
    package static func parseSeconds(_ text: String) throws -> Double {
        Double(try parseMicroseconds(text)) / 1_000_000
    }

    /// As `parseSeconds`, in FFmpeg's own unit, so that comparisons with timestamps are exact.
    static func parseMicroseconds(_ text: String) throws -> Int64 {
        MediaLog.install()
        var microseconds: Int64 = 0
        guard av_parse_time(&microseconds, text, 1) >= 0 else {
            throw VideoIOError(
                .usage, "read the time '\(text)'", reason: "it is not in ffmpeg's time syntax",
                nextStep: "write seconds (90, 1.5), HH:MM:SS.m (00:01:02.5), 1500ms or 200us")
        }
        return microseconds
    }
}

/// The value that stands for "no timestamp" in FFmpeg's structures.
let noTimestamp = cff_no_timestamp()

/// Ticks where FFmpeg has a timestamp, `nil` where it has none.
func ticks(_ raw: Int64) -> Int64? { raw == noTimestamp ? nil : raw }
