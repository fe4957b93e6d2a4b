import Base
import VideoIO

/// Warnings of the threads of a job, each once, kept until the progress bar is done.
final class WarningList: Sendable {
    private let warnings = Mutex<[String]>([])

    func add(_ warning: MediaWarning) { add(warning.description) }

    func add(_ warning: String) {
        warnings.withLock { if !$0.contains(warning) { $0.append(warning) } }
    }

    func print() {
        for warning in warnings.withLock({ $0 }) { StandardError.line("vitvideo: warning: \(warning)") }
    }
}
