import Base
import CZip
import Glibc

/// Writes a zip archive of stored entries: equal contents give equal files.
package enum ZipWriter {
    package typealias Entry = (name: String, content: Content)

    package enum Content {
        /// An open file positioned at its beginning, which the writer closes.
        case file(UnsafeMutablePointer<FILE>)
        /// Bytes that stay where they are until `write` returns.
        case bytes(UnsafeRawBufferPointer)
    }

    /// Writes an archive to `temporaryPath`; what is there is replaced.
    ///
    /// - Parameters:
    ///   - path: what errors call the archive.
    ///   - next: gives the entries one after the other; nil at the end.
    /// - Throws: `VitvideoError` of kind `cannotCreate` or `inputOutput`, and what `next` throws.
    package static func write(
        to temporaryPath: String, naming path: String, next: () throws -> Entry?
    ) throws {
        var code: Int32 = 0
        guard let archive = temporaryPath.withPath({ zip_open($0, ZIP_CREATE | ZIP_TRUNCATE, &code) })
        else {
            throw VitvideoError(.cannotCreate, cannot: "create", path: path, reason: "zip error \(code)")
        }
        func failure() -> VitvideoError {
            VitvideoError(
                .inputOutput, cannot: "write", path: path,
                reason: "zip: \(String(cString: zip_strerror(archive)))")
        }
        do {
            while let entry = try next() {
                guard let source = source(of: entry.content, archive) else { throw failure() }
                // From here on libzip closes a file.
                let index = zip_file_add(archive, entry.name, source, UInt32(ZIP_FL_ENC_UTF_8))
                guard index >= 0 else {
                    zip_source_free(source)
                    throw failure()
                }
                // Midnight on 1 January 1980, as NumPy dates its entries; a file that its owner may write, whatever
                // the content's own mode is.
                guard zip_set_file_compression(archive, UInt64(index), ZIP_CM_STORE, 0) == 0,
                    zip_file_set_dostime(archive, UInt64(index), 0, 0x21, 0) == 0,
                    zip_file_set_external_attributes(
                        archive, UInt64(index), 0, UInt8(ZIP_OPSYS_UNIX), (S_IFREG | 0o644) << 16) == 0
                else { throw failure() }
            }
            guard zip_close(archive) == 0 else { throw failure() }
        } catch {
            zip_discard(archive)
            throw error
        }
    }

    /// - Returns: nil where there is no memory for it; a file is closed then.
    private static func source(of content: Content, _ archive: OpaquePointer) -> OpaquePointer? {
        switch content {
        case .file(let file):
            guard let source = zip_source_filep(archive, file, 0, -1) else {
                fclose(file)
                return nil
            }
            return source
        case .bytes(let bytes):
            return zip_source_buffer(archive, bytes.baseAddress, UInt64(bytes.count), 0)
        }
    }
}
