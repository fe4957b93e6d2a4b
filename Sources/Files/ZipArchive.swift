import Base
import CZip
import Glibc

/// A zip archive open for reading. Nothing is ever unpacked to disk, so entries' names are only ever names.
///
/// `@unchecked Sendable`: a `zip_t` must not be used by two threads at once; every call on it after opening is made
/// under `lock`, and what is read comes back as a value.
package final class ZipArchive: @unchecked Sendable {
    package struct Entry: Sendable, Equatable {
        package let name: String
        /// Length unpacked, as the directory declares it.
        package let byteCount: Int
        fileprivate let index: UInt64
        /// Stored without compression: parts can be read without what comes before.
        fileprivate let isStored: Bool
    }

    package let path: String
    /// The archive's own length in bytes.
    package let fileByteCount: Int
    /// Entries in the directory's order, names unique.
    package let entries: [Entry]
    private let archive: OpaquePointer
    private let lock = Mutex(())

    /// How much longer unpacked than the whole archive an entry may claim to be. Weights hardly compress, and even
    /// an all-zero table beside real ones stays far below this; a zip bomb does not (deflate packs 1,032:1).
    private static let largestExpansion = 64
    private static let expansionAllowance = 1 << 20

    /// - Throws: `VitvideoError` where the archive cannot be opened, an entry is encrypted or claims to unpack to
    ///   more than 64 times the archive and 1 MiB, or a name comes twice.
    package static func open(_ path: String) throws -> ZipArchive {
        close(try openForReading(path))
        var code: Int32 = 0
        guard let archive = path.withPath({ zip_open($0, ZIP_RDONLY, &code) }) else {
            var error = zip_error_t()
            zip_error_init_with_code(&error, code)
            defer { zip_error_fini(&error) }
            throw VitvideoError(
                .badData, cannot: "read", path: path,
                reason: "zip: \(String(cString: zip_error_strerror(&error))) (code \(code))",
                nextStep: .advice("the file is cut short or damaged: get it again"))
        }
        do {
            return try locating("read", path) { try ZipArchive(path, archive) }
        } catch {
            // The initializer throws before an object exists whose deinit would do this.
            zip_discard(archive)
            throw error
        }
    }

    private init(_ path: String, _ archive: OpaquePointer) throws {
        var status = stat()
        guard FileSystem.stat(path, &status) == 0 else {
            throw VitvideoError.system(.inputOutput, cannot: "read", path: path)
        }
        let fileByteCount = Int(status.st_size)
        guard fileByteCount > 0 else { throw VitvideoError.badData("the file is empty") }
        var entries: [Entry] = []
        var names: Set<String> = []
        for index in 0..<UInt64(max(zip_get_num_entries(archive, 0), 0)) {
            let entry = try Self.entry(archive, index, fileByteCount: fileByteCount)
            guard names.insert(entry.name).inserted else {
                throw VitvideoError.badData("two of its entries are named \(quoted(entry.name))")
            }
            entries.append(entry)
        }
        self.path = path
        self.archive = archive
        self.entries = entries
        self.fileByteCount = fileByteCount
    }

    private static func entry(
        _ archive: OpaquePointer, _ index: UInt64, fileByteCount: Int
    ) throws -> Entry {
        var status = zip_stat_t()
        guard zip_stat_index(archive, index, 0, &status) == 0, let name = status.name,
            status.valid & UInt64(ZIP_STAT_SIZE) != 0, let size = Int(exactly: status.size)
        else { throw VitvideoError.badData("zip: entry \(index): \(String(cString: zip_strerror(archive)))") }
        let text = String(cString: name)
        guard status.encryption_method == UInt16(ZIP_EM_NONE) else {
            throw VitvideoError.badData("its entry \(quoted(text)) is encrypted")
        }
        let isStored = status.comp_method == UInt16(ZIP_CM_STORE)
        let largest =
            isStored
            ? fileByteCount
            : fileByteCount.multipliedReportingOverflow(by: largestExpansion).partialValue
                + expansionAllowance
        guard size <= largest else {
            throw VitvideoError.badData(
                "its entry \(quoted(text)) claims \(size) bytes in an archive of \(fileByteCount)")
        }
        return Entry(name: text, byteCount: size, index: index, isStored: isStored)
    }

    /// The entry's bytes, checked against their checksum. Thread-safe.
    package func read(_ entry: Entry) throws -> [UInt8] {
        try lock.withLock { _ in
            try withOpenEntry(entry) { file in
                let bytes = try Self.read(file, entry, count: entry.byteCount)
                // The end of the data is where libzip compares checksum and length.
                var extra: UInt8 = 0
                guard zip_fread(file, &extra, 1) == 0 else { throw Self.failure(file, entry) }
                return bytes
            }
        }
    }

    /// Bytes of a part of the entry; checked against the checksum only where it is the whole. Thread-safe.
    package func read(_ entry: Entry, _ range: Range<Int>) throws -> [UInt8] {
        guard range.lowerBound >= 0, range.upperBound <= entry.byteCount else {
            throw VitvideoError.badData("its entry \(quoted(entry.name)) ends too early")
        }
        if range == 0..<entry.byteCount { return try read(entry) }
        return try lock.withLock { _ in
            try withOpenEntry(entry) { file in
                if entry.isStored {
                    guard zip_fseek(file, Int64(range.lowerBound), SEEK_SET) == 0 else {
                        throw Self.failure(file, entry)
                    }
                } else {
                    var toSkip = range.lowerBound
                    while toSkip > 0 {
                        toSkip -= try Self.read(file, entry, count: min(toSkip, 1 << 16)).count
                    }
                }
                return try Self.read(file, entry, count: range.count)
            }
        }
    }

    private func withOpenEntry<Result>(_ entry: Entry, _ body: (OpaquePointer) throws -> Result) throws
        -> Result
    {
        guard let file = zip_fopen_index(archive, entry.index, 0) else {
            throw VitvideoError.badData(
                "its entry \(quoted(entry.name)): zip: \(String(cString: zip_strerror(archive)))")
        }
        defer { zip_fclose(file) }
        return try body(file)
    }

    private static func read(_ file: OpaquePointer, _ entry: Entry, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            while initializedCount < count {
                let got = zip_fread(
                    file, buffer.baseAddress! + initializedCount, UInt64(count - initializedCount))
                guard got > 0 else { throw failure(file, entry) }
                initializedCount += Int(got)
            }
        }
    }

    private static func failure(_ file: OpaquePointer, _ entry: Entry) -> VitvideoError {
        let error = zip_file_get_error(file)!
        let reason =
            zip_error_code_zip(error) == ZIP_ER_OK
            ? "its length is not the one declared" : "zip: \(String(cString: zip_error_strerror(error)))"
        return VitvideoError.badData(
            "its entry \(quoted(entry.name)): \(reason)",
            nextStep: "the file is cut short or damaged: get it again")
    }

    deinit { zip_discard(archive) }
}
