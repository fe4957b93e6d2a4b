import Base
import Glibc

/// A whole regular file mapped into memory for reading. Pages are read when touched and can be dropped, so a
/// mapped checkpoint costs no memory of its own.
///
/// `@unchecked Sendable`: the mapping is private and read-only and lives as long as this object; nothing in it is
/// ever written. As with every mapping, cutting the file short while it is in use ends the process with SIGBUS;
/// files in the model cache are only ever replaced by renaming, which leaves a mapping whole.
package final class MappedFile: @unchecked Sendable {
    package let path: String
    private let bytes: UnsafeRawBufferPointer

    /// Length in bytes.
    package var count: Int { bytes.count }

    private init(path: String, bytes: UnsafeRawBufferPointer) {
        self.path = path
        self.bytes = bytes
    }

    /// - Throws: `VitvideoError` where the file is not there, may not be read, is no regular file, or is empty.
    package static func open(_ path: String) throws -> MappedFile {
        let descriptor = try openForReading(path)
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw VitvideoError.system(.inputOutput, cannot: "read", path: path)
        }
        let length = Int(status.st_size)
        guard length > 0 else {
            throw VitvideoError(.badData, cannot: "read", path: path, reason: "the file is empty")
        }
        guard let start = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw VitvideoError.system(.inputOutput, cannot: "read", path: path)
        }
        return MappedFile(path: path, bytes: UnsafeRawBufferPointer(start: start, count: length))
    }

    /// Lends the file's bytes for the length of the call.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(bytes) }
    }

    /// Lends the bytes and gives the pages back afterwards: they would count as the process's memory as long as
    /// the file is mapped. For bytes that are copied and seldom read again.
    package func withBytesOnce<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        defer { madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, MADV_DONTNEED) }
        return try withBytes(body)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}

/// Opens a regular file. O_NONBLOCK keeps a named pipe without a writer from blocking the open; it has no effect on
/// regular files.
///
/// - Throws: `VitvideoError` of kind `noInput`, or `inputOutput` where its kind cannot be told.
package func openForReading(_ path: String) throws -> Int32 {
    let descriptor = FileSystem.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw VitvideoError.system(.noInput, cannot: "read", path: path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
        close(descriptor)
        throw VitvideoError.system(.inputOutput, cannot: "read", path: path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
        close(descriptor)
        let reason = status.st_mode & S_IFMT == S_IFDIR ? "it is a directory" : "it is not a regular file"
        throw VitvideoError(.noInput, cannot: "read", path: path, reason: reason)
    }
    return descriptor
}
