import Glibc

/// An open file or directory with an exclusive lock (`flock`) on it, which tells other processes that
/// somebody is working on it. The system frees the lock of a process that dies.
///
/// Some network and FUSE file systems have no locks. They are tolerated: `isEffective` is false there.
package final class FileLock: Sendable {
    package let descriptor: Int32
    /// Whether other processes see the lock.
    package let isEffective: Bool

    /// What file systems without locks answer. NFS refuses an exclusive lock on a descriptor that is open for
    /// reading only, as those of directories are, with EBADF.
    private static let unsupported = [ENOLCK, ENOSYS, EOPNOTSUPP, EINVAL, EBADF]

    /// - Parameter descriptor: an open file or directory, closed with this object.
    /// - Throws: `SystemError` with the code `EWOULDBLOCK` where another process holds the lock. The
    ///   descriptor is closed then.
    package init(_ descriptor: Int32) throws(SystemError) {
        var code: Int32 = 0
        repeat {
            code = flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno
        } while code == EINTR
        guard code == 0 || Self.unsupported.contains(code) else {
            close(descriptor)
            throw SystemError(code: code)
        }
        self.descriptor = descriptor
        isEffective = code == 0
    }

    deinit { close(descriptor) }
}
