import Base
import Files

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
            let folder = path.parentPath
            for entry in FileSystem.names(in: folder) ?? [] where entry.hasPrefix(path.lastPathPart) {
                FileSystem.unlink("\(folder)/\(entry)")
            }
        }
    }
}
