import Base
import CFFmpeg
import Glibc

/// FFmpeg's own log. None of it reaches the terminal; error lines become reasons of errors and warnings.
enum MediaLog {
    private struct State {
        /// The last error line of each thread that listens, by `pthread_self()`; empty before the first.
        var lastError: [pthread_t: String] = [:]
        /// The same of demuxers and muxers alone: decoders complain of much that is no damage to the file.
        var lastFormatError: [pthread_t: String] = [:]
    }

    private static let state = Mutex(State())

    /// Runs `body` and passes it a function that returns the last error FFmpeg logged on this thread since.
    ///
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

    /// Replaces FFmpeg's callback, which prints to standard error. Idempotent.
    static func install() { _ = installed }

    private static let installed: Void = {
        // Parts of FFmpeg compare the level before they call back; the callback itself is called at any
        // level.
        av_log_set_level(AV_LOG_DEBUG)
        av_log_set_callback { context, level, format, arguments in
            guard let format, let arguments, level <= AV_LOG_ERROR else { return }
            let line = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { buffer in
                var printsPrefix: Int32 = 1
                av_log_format_line2(
                    context, level, format, arguments, buffer.baseAddress, Int32(buffer.count), &printsPrefix)
                return String(cString: buffer.baseAddress!)
            }
            // Every context that logs begins with its class.
            let kind = context?.assumingMemoryBound(to: UnsafePointer<AVClass>?.self).pointee
            MediaLog.take(
                line.trimmed,
                isFormat: kind != nil && kind == avformat_get_class())
        }
    }()

    private static func take(_ line: String, isFormat: Bool) {
        guard !line.isEmpty else { return }
        let thread = pthread_self()
        state.withLock { state in
            guard state.lastError[thread] != nil else { return }
            state.lastError[thread] = withoutContext(line)
            if isFormat { state.lastFormatError[thread] = withoutContext(line) }
        }
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
