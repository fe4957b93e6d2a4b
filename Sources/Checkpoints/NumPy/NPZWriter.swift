import CZip
import Foundation

/// Writes a NumPy archive of arrays that grow row by row, in memory that does not depend on their length.
///
/// Each array is spooled to a nameless temporary file in the output's directory (it vanishes with the process,
/// however that ends); `finish` patches the shapes and copies the arrays into the archive, stored, so that for a
/// moment the disk holds the data twice. The output appears under its name only when it is complete.
///
/// It belongs to one thread, and so do its arrays.
package final class NPZWriter {
    private let path: String
    private let overwrite: Bool
    /// A file that `finish` keeps locked while it assembles the archive beside it. Whoever ends the process at
    /// once removes what is there, and under names that go on from this one.
    package let temporaryPath: String
    private var arrays: [NPZArrayWriter] = []
    private var isOpen = true

    /// - Parameter overwrite: replace an existing file; otherwise one is an error, here and when finishing.
    /// - Throws: `CheckpointError` of kind `.cannotCreate`.
    package init(_ path: String, overwrite: Bool) throws {
        self.path = path
        self.overwrite = overwrite
        try Self.checkAbsence(path, overwrite)
        removeAbandonedFiles(beside: path)
        // That the directory can be written to is worth knowing before hours of work.
        let (descriptor, temporaryPath) = try makeTemporaryFile(beside: path)
        close(descriptor)
        unlink(temporaryPath)
        self.temporaryPath = temporaryPath
    }

    /// Begins an array whose first dimension grows.
    ///
    /// - Parameters:
    ///   - rowShape: the other dimensions; empty for an array of single values.
    /// - Throws: `CheckpointError` where the name is taken or the temporary file cannot be made.
    package func array(named name: String, element: ElementType, rowShape: [Int]) throws -> NPZArrayWriter {
        try add(name, .number(element), rowShape: rowShape, isGrowing: true)
    }

    /// Adds a whole array.
    /// - Throws: `CheckpointError` where the values are not as many as the shape says, or as `array`.
    package func add(_ name: String, shape: [Int], _ values: [Float]) throws {
        try add(name, .number(.float32), rowShape: shape, isGrowing: false).append(values)
    }

    /// Adds a whole array of integers; throws as the other `add`.
    package func add(_ name: String, shape: [Int], _ values: [Int64]) throws {
        try add(name, .number(.int64), rowShape: shape, isGrowing: false).append(values)
    }

    /// Adds a text as an array without dimensions, which `str(numpy.load(file)[name])` gives back.
    /// - Throws: `CheckpointError` as `array`.
    package func add(_ name: String, text: String) throws {
        let scalars = Array(text.unicodeScalars.map(\.value))
        // NumPy pads with zeros and so reads a single zero as the empty text.
        let codes = scalars.isEmpty ? [0] : scalars
        let array = try add(name, .unicode(length: codes.count), rowShape: [], isGrowing: false)
        try codes.withUnsafeBytes { try array.appendBytes($0) }
    }

    /// Completes the archive. Called once; the writer is spent afterwards, also when it throws.
    /// - Parameter otherPath: where to in the same directory, if not to the path given at first (for what an
    ///   interrupted run leaves); what is there is replaced.
    /// - Throws: `CheckpointError`: `.inputOutput` where writing fails, `.cannotCreate` where the file has come to
    ///   exist meanwhile; nothing is left behind then.
    package func finish(as otherPath: String? = nil) throws {
        let path = otherPath ?? path
        guard isOpen else { throw Self.spent(path) }
        isOpen = false
        defer { abandon() }
        let overwrite = overwrite || otherPath != nil
        try Self.checkAbsence(path, overwrite)
        // libzip puts a new file in the place of the one it is given, so the lock is held on one beside it.
        guard let lock = createLocked(temporaryPath) else { throw systemError(.cannotCreate, "create", path) }
        let archivePath = temporaryPath + ".zip"
        defer {
            unlink(archivePath)
            unlink(temporaryPath)
            close(lock)
        }
        try assemble(at: archivePath, naming: path)
        try flush(archivePath, naming: path)
        try Self.publish(archivePath, as: path, overwrite: overwrite)
    }

    /// Gives the finished archive its name. It keeps the temporary one too where it may not replace another file.
    static func publish(_ archivePath: String, as path: String, overwrite: Bool) throws {
        // A link is refused where a rename would replace what has come since the check.
        if !overwrite, link(archivePath, path) == 0 { return }
        try checkAbsence(path, overwrite)
        guard rename(archivePath, path) == 0 else { throw systemError(.cannotCreate, "create", path) }
    }

    /// Gives up: nothing appears under the output's name.
    package func abandon() {
        isOpen = false
        for array in arrays { array.discard() }
        arrays = []
    }

    private func add(
        _ name: String, _ element: NPYElement, rowShape: [Int], isGrowing: Bool
    ) throws -> NPZArrayWriter {
        guard isOpen else { throw Self.spent(path) }
        guard !arrays.contains(where: { $0.name == name }) else {
            throw CheckpointError(
                .invalidData, cannot: "write", path: path, reason: "two arrays are named \(quoted(name))")
        }
        let array = try locating("write", path) {
            try NPZArrayWriter(
                name: name, element: element, rowShape: rowShape, isGrowing: isGrowing, outputPath: path)
        }
        arrays.append(array)
        return array
    }

    private func assemble(at temporaryPath: String, naming path: String) throws {
        var code: Int32 = 0
        guard let archive = zip_open(temporaryPath, ZIP_CREATE | ZIP_TRUNCATE, &code) else {
            throw CheckpointError(.cannotCreate, cannot: "create", path: path, reason: "zip error \(code)")
        }
        do {
            for array in arrays {
                guard let spool = try array.takeSpool() else { throw Self.spent(path) }
                guard let source = zip_source_filep(archive, spool, 0, -1) else {
                    fclose(spool)
                    throw Self.zipFailure(archive, path)
                }
                // From here on libzip closes the spool.
                let index = zip_file_add(archive, array.name + ".npy", source, UInt32(ZIP_FL_ENC_UTF_8))
                guard index >= 0 else {
                    zip_source_free(source)
                    throw Self.zipFailure(archive, path)
                }
                // Midnight on 1 January 1980, as NumPy dates its entries, so that equal arrays give equal files.
                guard zip_set_file_compression(archive, UInt64(index), ZIP_CM_STORE, 0) == 0,
                    zip_file_set_dostime(archive, UInt64(index), 0, 0x21, 0) == 0
                else { throw Self.zipFailure(archive, path) }
            }
            guard zip_close(archive) == 0 else { throw Self.zipFailure(archive, path) }
        } catch {
            zip_discard(archive)
            throw error
        }
    }

    private func flush(_ temporaryPath: String, naming path: String) throws {
        // libzip has put a new file in the place of the one that was there.
        let descriptor = open(temporaryPath, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError(.inputOutput, "write", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw systemError(.inputOutput, "write", path) }
    }

    private static func checkAbsence(_ path: String, _ overwrite: Bool) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            throw CheckpointError(.cannotCreate, cannot: "create", path: path, reason: "it is a directory")
        }
        guard overwrite else {
            throw CheckpointError(
                .cannotCreate, cannot: "create", path: path, reason: "it exists already",
                nextStep: "-y/--overwrite replaces it")
        }
    }

    private static func spent(_ path: String) -> CheckpointError {
        CheckpointError(.inputOutput, cannot: "write", path: path, reason: "the archive is closed already")
    }

    private static func zipFailure(_ archive: OpaquePointer, _ path: String) -> CheckpointError {
        CheckpointError(
            .inputOutput, cannot: "write", path: path,
            reason: "zip: \(String(cString: zip_strerror(archive)))")
    }

    deinit { abandon() }
}
