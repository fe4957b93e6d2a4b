import Foundation

/// A whole regular file mapped into memory for reading. Pages are read when touched and can be dropped, so a
/// mapped checkpoint costs no memory of its own.
///
/// `@unchecked Sendable`: the mapping is private and read-only and lives as long as this object; nothing in it is
/// ever written. As with every mapping, cutting the file short while it is in use ends the process with SIGBUS;
/// files in the model cache are only ever replaced by renaming, which leaves a mapping whole.
final class MappedFile: @unchecked Sendable {
    let path: String
    private let bytes: UnsafeRawBufferPointer

    /// Length in bytes.
    var count: Int { bytes.count }

    private init(path: String, bytes: UnsafeRawBufferPointer) {
        self.path = path
        self.bytes = bytes
    }

    /// - Throws: `CheckpointError` where the file is not there, may not be read, is no regular file, or is empty.
    static func open(_ path: String) throws -> MappedFile {
        let descriptor = try openForReading(path)
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw systemError(.inputOutput, "read", path) }
        let length = Int(status.st_size)
        guard length > 0 else {
            throw CheckpointError(.invalidData, cannot: "read", path: path, reason: "the file is empty")
        }
        guard let start = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw systemError(.inputOutput, "read", path)
        }
        return MappedFile(path: path, bytes: UnsafeRawBufferPointer(start: start, count: length))
    }

    /// Lends the file's bytes for the length of the call.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(bytes) }
    }

    /// Lends the bytes and lets go of the pages afterwards, which would else count as the process's memory as long
    /// as the file is mapped. For bytes that are copied and seldom wanted again.
    func withBytesOnce<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        defer { madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, MADV_DONTNEED) }
        return try withBytes(body)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}

/// Opens a regular file. O_NONBLOCK keeps a named pipe without a writer from blocking the open; it has no effect on
/// regular files.
func openForReading(_ path: String) throws -> Int32 {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw systemError(.noInput, "read", path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
        close(descriptor)
        throw systemError(.inputOutput, "read", path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
        close(descriptor)
        let reason = status.st_mode & S_IFMT == S_IFDIR ? "it is a directory" : "it is not a regular file"
        throw CheckpointError(.noInput, cannot: "read", path: path, reason: reason)
    }
    return descriptor
}

/// The error of the system call that has just failed, with its text and number.
func systemError(
    _ kind: CheckpointError.Kind, _ operation: String, _ path: String, code: Int32 = errno
) -> CheckpointError {
    CheckpointError(
        kind, cannot: operation, path: path, reason: "\(String(cString: strerror(code))) (errno \(code))")
}
