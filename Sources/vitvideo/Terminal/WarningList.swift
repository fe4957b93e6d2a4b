import Base
import VideoIO

/// Warnings of the threads of a job, kept until the progress bar is done.
final class WarningList: Sendable {
    private let warnings = Mutex<[MediaWarning]>([])

    func add(_ warning: MediaWarning) {
        warnings.withLock { if !$0.contains(warning) { $0.append(warning) } }
    }

    func print() {
        for warning in warnings.withLock({ $0 }) { StandardError.line("vitvideo: warning: \(warning)") }
    }
}
