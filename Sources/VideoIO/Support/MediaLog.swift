import Base
import CFFmpeg
import Foundation

/// FFmpeg's own log. By default nothing of it reaches the terminal.
package enum MediaLog {
    /// How much of FFmpeg's log is written to standard error; the numbers are FFmpeg's.
    package enum Level: Int32, Sendable, CaseIterable {
        case quiet = -8
        case error = 16
        case warning = 24
        case info = 32
        case verbose = 40
        case debug = 48
    }

    private struct State {
        var level = Level.quiet
        /// The last error line of each thread that asked for it, by `pthread_self()`.
        var lastError: [pthread_t: String] = [:]
        /// The same of demuxers and muxers alone: decoders complain of much that is no damage to the file.
        var lastFormatError: [pthread_t: String] = [:]
    }

    private static let state = Mutex(State())

    /// What is written to standard error, one line a message; `quiet` at first.
    package static var level: Level {
        get { state.withLock { $0.level } }
        set {
            install()
            state.withLock { $0.level = newValue }
        }
    }

    /// Runs `body`, and tells it how to ask for the last error FFmpeg logged on this thread since.
    /// Demuxers and muxers log on the calling thread, so the text belongs to this very call.
    static func listening<T>(_ body: (() -> String?) throws -> T) rethrows -> T {
        install()
        let thread = pthread_self()
        state.withLock {
            $0.lastError[thread] = ""
            $0.lastFormatError[thread] = nil
        }
        defer {
            state.withLock {
                $0.lastError[thread] = nil
                $0.lastFormatError[thread] = nil
            }
        }
        return try body {
            let text = state.withLock { $0.lastError[thread] } ?? ""
            return text.isEmpty ? nil : text
        }
    }

    /// The last error that a demuxer or muxer has logged within `listening` on this thread.
    static var lastFormatError: String? { state.withLock { $0.lastFormatError[pthread_self()] } }

    /// Puts our callback in place of FFmpeg's, which prints to standard error. Idempotent.
    static func install() { _ = installed }

    private static let installed: Void = {
        av_log_set_level(AV_LOG_DEBUG)
        av_log_set_callback { context, level, format, arguments in
            guard let format, let arguments, level <= MediaLog.wanted(atLeast: AV_LOG_ERROR) else { return }
            let line = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { buffer in
                var printsPrefix: Int32 = 1
                av_log_format_line2(
                    context, level, format, arguments, buffer.baseAddress, Int32(buffer.count), &printsPrefix)
                return String(cString: buffer.baseAddress!)
            }
            // Every context that logs begins with its class.
            let kind = context?.assumingMemoryBound(to: UnsafePointer<AVClass>?.self).pointee
            MediaLog.take(
                line.trimmingCharacters(in: .whitespacesAndNewlines), level: level,
                isFormat: kind != nil && kind == avformat_get_class())
        }
    }()

    private static func wanted(atLeast floor: Int32) -> Int32 {
        state.withLock { max($0.level.rawValue, floor) }
    }

    private static func take(_ line: String, level: Int32, isFormat: Bool) {
        guard !line.isEmpty else { return }
        let thread = pthread_self()
        let prints = state.withLock { state in
            if level <= AV_LOG_ERROR, state.lastError[thread] != nil {
                state.lastError[thread] = withoutContext(line)
                if isFormat { state.lastFormatError[thread] = withoutContext(line) }
            }
            return level <= state.level.rawValue
        }
        if prints { FileHandle.standardError.write(Data("ffmpeg: \(line)\n".utf8)) }
    }

    /// "[mov,mp4 @ 0x55…] moov atom not found" without the bracket, whose address says nothing to anyone.
    private static func withoutContext(_ line: String) -> String {
        var rest = Substring(line)
        while rest.first == "[", let end = rest.firstIndex(of: "]") {
            rest = rest[rest.index(after: end)...].drop { $0 == " " }
        }
        return String(rest)
    }
}
