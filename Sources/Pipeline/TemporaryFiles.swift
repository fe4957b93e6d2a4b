import Base
import Files

/// The unfinished files and directories of a process that has to end at once.
package final class TemporaryFiles: Sendable {
    private let paths = Mutex<[String]>([])

    package init() {}

    /// Notes what is being written.
    package func add(_ paths: [String]) { self.paths.withLock { $0 += paths } }

    /// Notes what is being written now, and that others have their names.
    package func replace(_ old: [String], by new: [String]) {
        let old = Set(old)
        paths.withLock { paths in
            paths.removeAll(where: old.contains)
            paths += new
        }
    }

    /// Removes them, and the files beside them whose names begin with theirs, which libraries write to before they
    /// rename. What a new directory is taking the place of stays. What cannot be removed is left.
    package func remove() {
        for path in paths.withLock({ $0 }) {
            let folder = path.parentPath
            for entry in FileSystem.names(in: folder) ?? []
            where entry.hasPrefix(path.lastPathPart) && TemporaryEntry.isOne(entry) {
                let path = "\(folder)/\(entry)"
                if FileSystem.isDirectory(path) {
                    AtomicDirectory.remove(path)
                } else {
                    FileSystem.unlink(path)
                }
            }
        }
    }
}
