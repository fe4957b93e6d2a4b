import Base
import Foundation

/// The unfinished files of a process that has to end at once.
package final class TemporaryFiles: Sendable {
    private let paths = Mutex<[String]>([])

    package init() {}

    /// Notes files that are being written.
    package func add(_ paths: [String]) { self.paths.withLock { $0 += paths } }

    /// Removes them, and the files beside them whose names begin with theirs, which libraries write to before they
    /// rename. What cannot be removed is left.
    package func remove() {
        for path in paths.withLock({ $0 }) {
            let directory = (path as NSString).deletingLastPathComponent
            let name = (path as NSString).lastPathComponent
            let folder = directory.isEmpty ? "." : directory
            let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            for entry in entries where entry.hasPrefix(name) { unlink("\(folder)/\(entry)") }
        }
    }
}
