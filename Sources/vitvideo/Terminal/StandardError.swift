import Base
import FoundationEssentials
import Glibc

/// Lines for the person at the terminal. A closed standard error is not worth stopping for.
enum StandardError {
    /// Writes a line. What a file's name may hold besides characters is escaped.
    static func line(_ text: String) { write(terminalText(text) + "\n") }

    static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether the terminal can go back on a line and erase it.
    static var canRedraw: Bool {
        guard isTerminal, let kind = ProcessInfo.processInfo.environment["TERM"] else { return false }
        return !["", "dumb", "unknown"].contains(kind)
    }

    /// Columns of the terminal, 80 where unknown.
    static var columns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
