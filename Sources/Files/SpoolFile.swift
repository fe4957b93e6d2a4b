import Base
import Glibc

/// Bytes that wait in a temporary file without a name, beside the output they will be a part of. The file is gone with
/// the process, however that ends. It belongs to one thread.
package final class SpoolFile {
    private let outputPath: String
    private let wording: SystemErrorWording
    /// Nil once it has been handed on or dropped.
    private var file: UnsafeMutablePointer<FILE>?
    /// Bytes written, those written over included.
    package private(set) var byteCount = 0

    /// - Parameters:
    ///   - outputPath: what errors name.
    ///   - wording: of errors.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package init(beside outputPath: String, wording: SystemErrorWording = .errno) throws {
        self.outputPath = outputPath
        self.wording = wording
        let descriptor = try AtomicFile.makeScratch(beside: outputPath, wording: wording)
        guard let file = fdopen(descriptor, "w+b") else {
            let error = VitvideoError.system(
                .cannotCreate, cannot: "create", path: outputPath, wording: wording)
            close(descriptor)
            throw error
        }
        self.file = file
    }

    deinit { discard() }

    /// Writes at the current place, which is the end unless `rewind` was called.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard let file else { throw spent }
        guard bytes.isEmpty || fwrite(bytes.baseAddress, 1, bytes.count, file) == bytes.count else {
            throw failure
        }
        byteCount += bytes.count
    }

    /// Writes text in UTF-8.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`.
    package func write(_ text: String) throws {
        try Array(text.utf8).withUnsafeBytes { try write($0) }
    }

    /// Goes to the beginning, to write over it.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`.
    package func rewind() throws {
        guard let file else { throw spent }
        guard fseek(file, 0, SEEK_SET) == 0 else { throw failure }
    }

    /// Hands the file on, positioned at its beginning. The receiver closes it.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`, also where it was handed on or dropped before.
    package func take() throws -> UnsafeMutablePointer<FILE> {
        guard let file else { throw spent }
        guard fflush(file) == 0, fseek(file, 0, SEEK_SET) == 0 else { throw failure }
        self.file = nil
        return file
    }

    /// Copies everything to the end of a file, piece by piece, and drops it.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`, also where it was handed on or dropped before.
    package func move(to output: AtomicFile) throws {
        let file = try take()
        defer { fclose(file) }
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { piece.deallocate() }
        while true {
            let count = fread(piece.baseAddress, 1, piece.count, file)
            try output.write(UnsafeRawBufferPointer(rebasing: piece[..<count]))
            if count < piece.count {
                guard ferror(file) == 0 else { throw failure }
                return
            }
        }
    }

    /// Lends everything for the length of the call, mapped into memory.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`, and what the body throws.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        guard let file else { throw spent }
        guard fflush(file) == 0 else { throw failure }
        guard byteCount > 0 else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        guard let start = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, fileno(file), 0), start != MAP_FAILED
        else { throw failure }
        defer { munmap(start, byteCount) }
        return try body(UnsafeRawBufferPointer(start: start, count: byteCount))
    }

    /// Drops the file and what is in it.
    package func discard() {
        if let file { fclose(file) }
        file = nil
    }

    private var failure: VitvideoError {
        VitvideoError.system(.inputOutput, cannot: "write", path: outputPath, wording: wording)
    }

    private var spent: VitvideoError {
        VitvideoError(
            .inputOutput, cannot: "write", path: outputPath, reason: "the archive is closed already")
    }
}
