import Glibc

/// The hidden files and directories in which outputs are made: `.vitvideo-<host>-<process>-<random>.tmp` beside the
/// output.
///
/// Each is locked while its process works on it, which tells it from one that a killed process has left. Where locks do
/// not reach, on another machine or in a file system without them, the name tells whose it is.
package enum TemporaryEntry {
    private static let prefix = ".vitvideo-"
    private static let suffix = ".tmp"
    /// Random names that are tried before giving up.
    private static let attempts = 8

    /// Whether a name in a directory is one of these, or one that a library has made up from it.
    package static func isOne(_ name: String) -> Bool { base(of: name) != nil }

    /// - Parameters:
    ///   - path: the entry's path; nil for a new one.
    ///   - permissions: those before the umask.
    static func createFile(
        in directory: String, path: String?, permissions: mode_t
    ) throws(SystemError) -> (lock: FileLock, path: String) {
        func make(_ path: String) -> Int32 {
            FileSystem.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
        }
        let makePath = { path ?? randomPath(in: directory) }
        return try create(makePath, make: make, remove: FileSystem.unlink)
    }

    static func createDirectory(in directory: String) throws(SystemError) -> (lock: FileLock, path: String) {
        func make(_ path: String) -> Int32 {
            guard FileSystem.mkdir(path, 0o777) == 0 else { return -1 }
            let descriptor = FileSystem.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if descriptor < 0 {
                let code = errno
                FileSystem.rmdir(path)
                errno = code
            }
            return descriptor
        }
        return try create({ randomPath(in: directory) }, make: make, remove: FileSystem.rmdir)
    }

    /// A new file without a name in `directory`, for reading and writing. It is gone once it is closed.
    static func createNameless(in directory: String) throws(SystemError) -> Int32 {
        let path = randomPath(in: directory)
        let descriptor = FileSystem.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError() }
        FileSystem.unlink(path)
        return descriptor
    }

    /// Removes what dead processes have left in `directory`: their locks are free, or, where there are no locks, there
    /// are no such processes. What another machine's process has made goes once it is a day old. Names that a library
    /// has made up from one of these go with it.
    package static func removeAbandoned(in directory: String) {
        for name in FileSystem.names(in: directory) ?? [] {
            guard let base = base(of: name) else { continue }
            ifAbandoned("\(directory)/\(base)") {
                FileSystem.removeTree("\(directory)/\(name)")
            }
        }
    }

    /// Runs `remove` while holding the lock of a dead process's entry, so that no process can begin to use
    /// the entry in between. A process makes its locked entry first and removes it last, so without that
    /// entry it is dead.
    private static func ifAbandoned(_ path: String, _ remove: () -> Void) {
        var descriptor = FileSystem.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        if descriptor < 0, errno == EISDIR {
            descriptor = FileSystem.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        }
        guard descriptor >= 0 else {
            if errno == ENOENT { remove() }
            return
        }
        guard let lock = try? FileLock(descriptor) else { return }
        let owner = owner(of: path.lastPathPart)
        let reachesOwner = lock.isEffective && owner?.isHere != false
        guard reachesOwner || owner?.isGone(leaving: path) == true else { return }
        withExtendedLifetime(lock, remove)
    }

    /// The process that a name tells of; nil where it tells of none.
    private static func owner(of name: String) -> ProcessOwner? {
        let text = name.dropFirst(prefix.count)
        return text.lastIndex(of: "-").flatMap { ProcessOwner(text[..<$0]) }
    }

    /// The locked entry to which a name belongs. What `AtomicDirectory` has moved aside belongs to none.
    private static func base(of name: String) -> Substring? {
        guard name.hasPrefix(prefix), !name.hasSuffix(AtomicDirectory.asideSuffix),
            let end = name.firstRange(of: suffix)?.upperBound
        else { return nil }
        return name[..<end]
    }

    /// A path in `directory` that nothing has.
    package static func randomPath(in directory: String) -> String {
        let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        return "\(directory)/\(prefix)\(ProcessOwner.current.text)-\(random)\(suffix)"
    }

    private static func create(
        _ makePath: () -> String, make: (String) -> Int32, remove: (String) -> Int32
    ) throws(SystemError) -> (lock: FileLock, path: String) {
        var failure = SystemError(code: EEXIST)
        for _ in 0..<attempts {
            let path = makePath()
            let descriptor = make(path)
            guard descriptor >= 0 else {
                failure = SystemError()
                if failure.code == EEXIST { continue }
                throw failure
            }
            do throws(SystemError) {
                let lock = try FileLock(descriptor)
                var status = stat()
                // Before the lock was taken another process may have taken the entry for abandoned and
                // removed it.
                if fstat(descriptor, &status) == 0, status.st_nlink > 0 { return (lock, path) }
            } catch {
                failure = error
            }
            _ = remove(path)
        }
        throw failure
    }
}
