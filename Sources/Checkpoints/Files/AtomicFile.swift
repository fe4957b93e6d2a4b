import Foundation

/// A file being written under a temporary name beside its final one, where it appears when `finish` renames it.
/// Dropped without `finish`, it removes the temporary file. It belongs to one thread.
final class AtomicFile {
    let path: String
    let temporaryPath: String
    private var descriptor: Int32

    private init(path: String, temporaryPath: String, descriptor: Int32) {
        self.path = path
        self.temporaryPath = temporaryPath
        self.descriptor = descriptor
    }

    /// - Throws: `CheckpointError` of kind `.cannotCreate`.
    static func create(_ path: String) throws -> AtomicFile {
        removeAbandonedFiles(beside: path)
        let (descriptor, temporaryPath) = try makeTemporaryFile(beside: path)
        return AtomicFile(path: path, temporaryPath: temporaryPath, descriptor: descriptor)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        try writeAll(bytes, to: descriptor, path: path)
    }

    /// Flushes to the disk and renames. Called once.
    func finish() throws {
        guard fsync(descriptor) == 0 else { throw systemError(.inputOutput, "write", path) }
        // Closing it would let go of the lock, so it has its name before.
        guard rename(temporaryPath, path) == 0 else { throw systemError(.cannotCreate, "create", path) }
        close(descriptor)
        descriptor = -1
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        // After a rename there is nothing of that name any more.
        unlink(temporaryPath)
    }
}

/// Opens a new file `.<name>.<random>.tmp` in the directory of `path`, for reading and writing; only its owner may
/// write it. It is locked while the descriptor is open, which tells it from what a killed process left.
/// - Throws: `CheckpointError` of kind `.cannotCreate`.
func makeTemporaryFile(beside path: String) throws -> (descriptor: Int32, path: String) {
    let (directory, prefix) = temporaryNames(beside: path)
    for _ in 0..<100 {
        let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        let temporaryPath = (directory as NSString).appendingPathComponent(
            prefix + random + temporarySuffix)
        if let descriptor = createLocked(temporaryPath) { return (descriptor, temporaryPath) }
        guard errno == EEXIST || errno == EWOULDBLOCK else { break }
    }
    throw systemError(.cannotCreate, "create", path)
}

/// Creates a file and locks it; nil with `errno` set where it exists or cannot be made.
func createLocked(_ path: String) -> Int32? {
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return nil }
    var status = stat()
    // Before the lock was taken another process may have held the file for abandoned and removed it.
    // A file system without locks is no reason not to write.
    let isOurs = flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
    if isOurs, fstat(descriptor, &status) == 0, status.st_nlink > 0 { return descriptor }
    close(descriptor)
    errno = EWOULDBLOCK
    return nil
}

/// Removes the temporary files of `path` that no process holds the lock of, and what libraries made beside them
/// under names that go on from theirs.
func removeAbandonedFiles(beside path: String) {
    let (directory, prefix) = temporaryNames(beside: path)
    let folder = directory.isEmpty ? "." : directory
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where name.hasPrefix(prefix) {
        guard let end = name.dropFirst(prefix.count).range(of: temporarySuffix)?.upperBound else { continue }
        let lock = open("\(folder)/\(name[..<end])", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        // Without the file that is locked its process is gone for certain: it is made first and removed last.
        guard lock >= 0 || errno == ENOENT else { continue }
        if lock < 0 || flock(lock, LOCK_EX | LOCK_NB) == 0 { unlink("\(folder)/\(name)") }
        if lock >= 0 { close(lock) }
    }
}

private let temporarySuffix = ".tmp"

/// The directory of the temporary files of `path`, and what their names begin with.
private func temporaryNames(beside path: String) -> (directory: String, prefix: String) {
    // A long name is cut, since a directory entry takes at most 255 bytes.
    let name = String(decoding: Array((path as NSString).lastPathComponent.utf8.prefix(200)), as: UTF8.self)
    return ((path as NSString).deletingLastPathComponent, ".\(name).")
}

/// Writes all of `bytes`, however many calls that takes.
func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws {
    var rest = bytes
    while !rest.isEmpty {
        let count = write(descriptor, rest.baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw systemError(.inputOutput, "write", path) }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
}
