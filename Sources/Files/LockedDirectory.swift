import Glibc

/// A directory that one process at a time works in. It is locked while the object lives.
package final class LockedDirectory {
    package let path: String
    private let lock: FileLock

    private init(_ path: String, _ lock: FileLock) {
        self.path = path
        self.lock = lock
    }

    /// Opens the directory, or makes it.
    ///
    /// - Returns: nil where another process has it.
    package static func open(_ path: String) throws(SystemError) -> LockedDirectory? {
        while true {
            guard FileSystem.mkdir(path, 0o777) == 0 || errno == EEXIST else { throw SystemError() }
            let descriptor = FileSystem.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if descriptor < 0, errno == ENOENT {
                // Another process has removed it, or the name is that of a link to nothing.
                if FileSystem.readlink(path) != nil { throw SystemError(code: ENOENT) }
                continue
            }
            guard descriptor >= 0 else { throw SystemError() }
            let lock: FileLock
            do throws(SystemError) {
                lock = try FileLock(descriptor)
            } catch {
                if error.code == EWOULDBLOCK { return nil }
                throw error
            }
            var status = stat()
            // Another process may have removed the directory before the lock was taken.
            if fstat(descriptor, &status) == 0, status.st_nlink > 0 { return LockedDirectory(path, lock) }
        }
    }
}
