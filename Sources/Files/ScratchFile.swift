import Base
import Foundation

/// A file without a name in the directory of an output, for a part of it that is not yet its turn: appended to, and
/// at the end copied into the output. It is gone with this value, or with the process.
///
/// It belongs to one thread.
package final class ScratchFile {
    private let path: String
    private let wording: SystemErrorWording
    private let descriptor: Int32
    private var pending: [UInt8] = []
    /// Bytes in the file.
    private var position: Int64 = 0

    /// Bytes gathered before they go to the file, and copied at once.
    private static let bufferSize = 1 << 18

    /// - Parameter path: of the output, which errors name.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package init(beside path: String, wording: SystemErrorWording = .text) throws {
        self.path = path
        self.wording = wording
        descriptor = try AtomicFile.makeScratch(beside: path, wording: wording)
    }

    deinit { close(descriptor) }

    /// Appends text in UTF-8.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`, of the last bytes only in `copy`.
    package func write(_ text: String) throws {
        pending += Array(text.utf8)
        if pending.count >= Self.bufferSize { try flush() }
    }

    /// Appends all that was written to another file.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`.
    package func copy(to file: AtomicFile) throws {
        try flush()
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferSize, alignment: 64)
        defer { piece.deallocate() }
        var place: Int64 = 0
        while place < position {
            let count = pread(descriptor, piece.baseAddress, piece.count, off_t(place))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(count < 0 ? errno : EIO) }
            try file.write(UnsafeRawBufferPointer(rebasing: piece[..<count]))
            place += Int64(count)
        }
    }

    private func flush() throws {
        do {
            try pending.withUnsafeBytes { try writeAll($0, to: descriptor, at: &position) }
        } catch let error as SystemError {
            throw failure(error.code)
        }
        pending.removeAll(keepingCapacity: true)
    }

    private func failure(_ code: Int32) -> VitvideoError {
        VitvideoError.system(.inputOutput, cannot: "write", path: path, code: code, wording: wording)
    }
}
