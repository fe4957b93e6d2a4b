import Base
import Glibc

/// A system call that failed, for code that decides by the number.
package struct SystemError: Error, Sendable, Hashable {
    package let code: Int32

    /// - Parameter code: that of the call just made, where it is left out.
    package init(code: Int32 = errno) { self.code = code }
}

/// What an error line says about a failed system call besides the system's text.
package enum SystemErrorWording: Sendable {
    /// "No space left on device"
    case text
    /// "No space left on device (errno 28)"
    case errno
    /// "No space left on device (No space left on device, -28)", as FFmpeg's errors about the same file end.
    case negatedCode

    /// - Parameter code: an `errno`.
    package func reason(_ code: Int32) -> String { systemText(code) + number(code) }

    func number(_ code: Int32) -> String {
        switch self {
        case .text: ""
        case .errno: " (errno \(code))"
        case .negatedCode: " (\(systemText(code)), \(-code))"
        }
    }
}

extension VitvideoError {
    /// The error of a system call.
    ///
    /// - Parameter code: an `errno`; that of the call just made, where it is left out.
    package static func system(
        _ kind: Kind, cannot action: String, path: String, code: Int32 = Glibc.errno,
        wording: SystemErrorWording = .errno
    ) -> VitvideoError {
        VitvideoError(kind, cannot: action, path: path, reason: wording.reason(code))
    }
}

/// Writes all of `bytes`, however many calls that takes.
///
/// - Parameter position: where in the file, in bytes; moves on by what was written, also before an error.
package func writeAll(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at position: inout Int64
) throws(SystemError) {
    var rest = bytes
    while !rest.isEmpty {
        let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(position))
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw SystemError(code: count < 0 ? errno : EIO) }
        position += Int64(count)
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
}
