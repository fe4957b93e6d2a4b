import Files
import Glibc

/// A download in progress: `<path>.part`, and beside it `<path>.part.origin`, which says of which version of the
/// file the part is, so that a later run may go on with it.
///
/// It is locked while open, against other processes that fetch the same file; the system frees the lock of one
/// that dies. It belongs to one thread.
final class PartialFile {
    /// Where a part comes from.
    struct Origin: Equatable {
        var url: String
        /// Entity tag or date; empty where the server sent neither.
        var validator: String
        var total: Int64?
    }

    /// A system call that failed.
    struct Failure: Error {
        let operation: String
        let path: String
        let code: Int32
    }

    let path: String
    private let finalPath: String
    private var originPath: String { path + ".origin" }
    private let lock: FileLock
    private var descriptor: Int32 { lock.descriptor }
    private(set) var size: Int64

    private init(finalPath: String, path: String, lock: FileLock, size: Int64) {
        self.finalPath = finalPath
        self.path = path
        self.lock = lock
        self.size = size
    }

    /// Opens or creates the part of a file, waiting while another process holds it.
    ///
    /// - Parameter waiting: called several times a second while waiting with the part's size; throw to give up.
    /// - Throws: `Failure`, and what `waiting` throws.
    static func open(for finalPath: String, waiting: (Int64) throws -> Void) throws -> PartialFile {
        let path = finalPath + ".part"
        while true {
            let descriptor = FileSystem.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw Failure(operation: "create", path: path, code: errno) }
            var opened = stat()
            fstat(descriptor, &opened)
            let lock: FileLock
            do throws(SystemError) {
                lock = try FileLock(descriptor)
            } catch {
                guard error.code == EWOULDBLOCK else {
                    throw Failure(operation: "lock", path: path, code: error.code)
                }
                try waiting(Int64(opened.st_size))
                usleep(100_000)
                continue
            }
            // Whoever held the lock may have renamed or removed the file meanwhile: then the lock is on a file
            // that is no longer the part.
            var named = stat()
            if fstat(descriptor, &opened) == 0, FileSystem.stat(path, &named) == 0,
                opened.st_ino == named.st_ino,
                opened.st_dev == named.st_dev
            {
                return PartialFile(
                    finalPath: finalPath, path: path, lock: lock, size: Int64(opened.st_size))
            }
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        do {
            try writeAll(bytes, to: descriptor, at: &size)
        } catch {
            throw Failure(operation: "write", path: path, code: error.code)
        }
    }

    /// Throws away what was received.
    func restart() throws {
        FileSystem.unlink(originPath)
        guard size > 0 else { return }
        guard ftruncate(descriptor, 0) == 0 else {
            throw Failure(operation: "truncate", path: path, code: errno)
        }
        size = 0
    }

    /// Bytes that the disk has free for us; nil where that cannot be told.
    var freeBytes: Int64? {
        var disk = statvfs()
        guard fstatvfs(descriptor, &disk) == 0, disk.f_blocks > 0 else { return nil }
        let (bytes, overflow) = Int64(clamping: disk.f_bavail).multipliedReportingOverflow(
            by: Int64(clamping: disk.f_frsize))
        return overflow ? nil : bytes
    }

    /// What the part is of; nil where nothing usable was noted.
    var origin: Origin? {
        guard let text = FileSystem.text(of: originPath) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 4 else { return nil }
        return Origin(url: String(lines[0]), validator: String(lines[1]), total: Int64(lines[2]))
    }

    /// Notes what the part is of. Without the note a later run starts from the beginning, so a failure does no harm.
    func note(_ origin: Origin) {
        let text = "\(origin.url)\n\(origin.validator)\n\(origin.total.map(String.init) ?? "")\n"
        guard let file = try? AtomicFile(originPath, overwrite: true, permissions: 0o644, cleansUp: false),
            (try? file.write(text)) != nil
        else { return }
        try? file.commit()
    }

    /// Flushes to the disk and gives the file its name.
    func finish() throws {
        guard fsync(descriptor) == 0 else { throw Failure(operation: "write", path: path, code: errno) }
        guard FileSystem.rename(path, finalPath) == 0 else {
            throw Failure(operation: "create", path: finalPath, code: errno)
        }
        FileSystem.unlink(originPath)
    }

    func remove() {
        FileSystem.unlink(originPath)
        FileSystem.unlink(path)
    }
}
