import Base
import CFFmpeg

/// The codes of FFmpeg that are distinguished. The first two, "not now" and "no more", are states, not failures.
enum FFmpegCode {
    static let tryAgain = cff_averror(EAGAIN)
    static let endOfFile = cff_error_end_of_file()
    static let invalidData = cff_error_invalid_data()
    static let outOfMemory = cff_averror(ENOMEM)
}

/// FFmpeg's text for one of its error codes.
func ffmpegText(_ code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
        av_strerror(code, buffer.baseAddress, buffer.count)
        return String(cString: buffer.baseAddress!)
    }
}

extension VitvideoError {
    /// A failure that a library reported: "REASON (TEXT, CODE)".
    ///
    /// - Parameter code: FFmpeg's, or a negated `errno`; nil where no library reported one.
    static func ffmpeg(
        _ kind: Kind, cannot action: String, path: String? = nil, reason: String, code: Int32?,
        nextStep: NextStep? = nil
    ) -> VitvideoError {
        let detail = code.map { " (\(ffmpegText($0)), \($0))" } ?? ""
        // Whatever FFmpeg was asked for, it is not the asking that was wrong then.
        let kind = code == FFmpegCode.outOfMemory ? .unavailable : kind
        return VitvideoError(kind, cannot: action, path: path, reason: reason + detail, nextStep: nextStep)
    }

    /// FFmpeg returned no object or buffer.
    static func outOfMemory(_ action: String) -> VitvideoError {
        .ffmpeg(
            .unavailable, cannot: action, reason: "FFmpeg could not allocate memory",
            code: FFmpegCode.outOfMemory)
    }
}
