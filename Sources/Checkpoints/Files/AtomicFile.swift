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
        let (descriptor, temporaryPath) = try makeTemporaryFile(beside: path)
        return AtomicFile(path: path, temporaryPath: temporaryPath, descriptor: descriptor)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        try writeAll(bytes, to: descriptor, path: path)
    }

    /// Flushes to the disk and renames. Called once.
    func finish() throws {
        guard fsync(descriptor) == 0 else { throw systemError(.inputOutput, "write", path) }
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0 else { throw systemError(.inputOutput, "write", path) }
        guard rename(temporaryPath, path) == 0 else { throw systemError(.cannotCreate, "create", path) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        // After a rename there is nothing of that name any more.
        unlink(temporaryPath)
    }
}

/// Opens a new file `.<name>.<random>.tmp` in the directory of `path`, for reading and writing; only its owner may
/// write it.
/// - Throws: `CheckpointError` of kind `.cannotCreate`.
func makeTemporaryFile(beside path: String) throws -> (descriptor: Int32, path: String) {
    let directory = (path as NSString).deletingLastPathComponent
    // A long name is cut, since a directory entry takes at most 255 bytes.
    let name = String(decoding: Array((path as NSString).lastPathComponent.utf8.prefix(200)), as: UTF8.self)
    for _ in 0..<100 {
        let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        let temporaryPath = (directory as NSString).appendingPathComponent(".\(name).\(random).tmp")
        let descriptor = open(temporaryPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        if descriptor >= 0 { return (descriptor, temporaryPath) }
        guard errno == EEXIST else { break }
    }
    throw systemError(.cannotCreate, "create", path)
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
