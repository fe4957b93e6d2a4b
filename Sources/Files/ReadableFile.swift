import Base
import Glibc

/// A file open for reading, closed with the value.
package final class ReadableFile {
    private let descriptor: Int32

    /// - Returns: nil where it cannot be opened; `errno` says why.
    package init?(_ path: String) {
        descriptor = FileSystem.open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// The length in bytes; nil for what has none, such as a pipe.
    package var byteCount: Int? {
        let length = lseek(descriptor, 0, SEEK_END)
        return length < 0 ? nil : length
    }

    /// Bytes from a place on, fewer where the file ends before.
    ///
    /// - Throws: `SystemError`.
    package func read(_ count: Int, at offset: Int) throws(SystemError) -> [UInt8] {
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: max(count, 0)) { buffer, length in
            while length < buffer.count {
                let got = pread(
                    descriptor, buffer.baseAddress! + length, buffer.count - length, offset + length)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = SystemError() }
                guard got > 0 else { return }
                length += got
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
