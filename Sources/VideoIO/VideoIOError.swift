import CFFmpeg
import Glibc

/// What went wrong while reading or writing media: one line with the operation, the path, the reason and,
/// where there is one, the next step.
package struct VideoIOError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The class of failure, from which the command line chooses its exit code.
    package enum Kind: Sendable, Hashable {
        /// A request that cannot be met whatever the file holds, such as a malformed range (64).
        case usage
        /// The input is not media, is damaged beyond use, or does not hold what was asked for (65).
        case badData
        /// The input does not exist or cannot be opened (66).
        case noInput
        /// This build of FFmpeg lacks a decoder, encoder or filter, or memory ran out (69).
        case unavailable
        /// The output cannot be created (73).
        case cantCreate
        /// Reading or writing failed half-way (74).
        case inputOutput
    }

    package let kind: Kind
    /// What was being done, as in "cannot *read* dog.mp4".
    package let operation: String
    package let path: String?
    package let reason: String
    /// FFmpeg's code, or a negated `errno`; `nil` where no library reported one.
    package let code: Int32?
    /// What the user can do about it.
    package let nextStep: String?

    init(
        _ kind: Kind, _ operation: String, path: String? = nil, reason: String, code: Int32? = nil,
        nextStep: String? = nil
    ) {
        self.kind = kind
        self.operation = operation
        self.path = path
        self.reason = reason
        self.code = code
        self.nextStep = nextStep
    }

    package var description: String {
        var line = "cannot \(operation)"
        if let path { line += " \(path == "-" ? "standard input" : path)" }
        line += ": \(reason)"
        if let code { line += " (\(ffmpegText(code)), \(code))" }
        if let nextStep { line += "; \(nextStep)" }
        return String(line.map { $0.isNewline ? " " : $0 })
    }
}

/// FFmpeg's text for one of its error codes.
func ffmpegText(_ code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
        av_strerror(code, buffer.baseAddress, buffer.count)
        return String(cString: buffer.baseAddress!)
    }
}

/// Codes that mean "not now" and "no more", which are states and not failures.
enum FFmpegCode {
    static let tryAgain = cff_averror(EAGAIN)
    static let endOfFile = cff_error_end_of_file()
    static let invalidData = cff_error_invalid_data()
    static let outOfMemory = cff_averror(ENOMEM)
}

extension VideoIOError {
    static func outOfMemory(_ operation: String) -> VideoIOError {
        VideoIOError(
            .unavailable, operation, reason: "FFmpeg could not allocate memory", code: FFmpegCode.outOfMemory)
    }
}

/// Something that was worked around: the frames are there, but not quite as the file promised.
package struct MediaWarning: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// The input is cut short or broken in places; a strict caller treats this as bad data.
        case damage
        /// Timestamps were missing, repeated or ran backwards.
        case timestamps
        /// The picture was adapted: a change of size, an ignored tag, a padded row.
        case picture
        /// An audio stream or packet was left out.
        case audio
        /// The output's file system lacks something.
        case output
    }

    package let kind: Kind
    package let message: String
    package var description: String { message }

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}
