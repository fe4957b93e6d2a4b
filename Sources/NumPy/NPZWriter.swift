import Base
import Files
import Glibc

/// Writes a NumPy archive of whole arrays and of arrays that grow row by row, in memory that does not depend on their
/// length.
///
/// They wait in nameless temporary files in the output's directory, which vanish with the process, however that ends: a
/// growing array in one of its own, all whole ones in one that they share. `finish` patches the shapes and copies the
/// arrays into the archive, stored, so that for a moment the disk holds the data twice. The output appears under its name
/// only when it is complete (`AtomicFile`).
///
/// It belongs to one thread, and so do its arrays.
package final class NPZWriter {
    /// The name it gets: the target, where a link was named.
    package let path: String
    private let overwrite: Bool
    /// Where `finish` makes the file; there is none before. Whoever has to end the process at once removes the
    /// files whose names begin with this one's.
    package let temporaryPath: String
    /// In the order that they were begun or added in.
    private var entries: [Entry] = []
    private var names: Set<String> = []
    /// The whole arrays, each with its header; nil before the first.
    private var whole: SpoolFile?
    private var isOpen = true

    private enum Entry {
        case growing(NPZArrayWriter)
        /// - Parameter bytes: its place in `whole`.
        case whole(name: String, bytes: Range<Int>)
    }

    /// - Parameter overwrite: replace an existing file; otherwise one is an error, here and when finishing.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package init(_ path: String, overwrite: Bool) throws {
        // Whether the file can be made at all is worth knowing before hours of work.
        let file = try AtomicFile(path, overwrite: overwrite, wording: .errno)
        self.path = file.path
        self.overwrite = overwrite
        temporaryPath = file.temporaryPath
        file.abandon()
    }

    /// Begins an array whose first dimension grows.
    ///
    /// - Parameters:
    ///   - rowShape: the other dimensions; empty for an array of single values.
    /// - Throws: `VitvideoError` where the name is taken or the temporary file cannot be made.
    package func array(named name: String, element: ElementType, rowShape: [Int]) throws -> NPZArrayWriter {
        try check(name)
        let array = try locating("write", path) {
            try NPZArrayWriter(
                name: name, element: .number(element), rowShape: rowShape, outputPath: path)
        }
        names.insert(name)
        entries.append(.growing(array))
        return array
    }

    /// Adds a whole array.
    /// - Throws: `VitvideoError` where the values are not as many as the shape says, or as `array`.
    package func add(_ name: String, shape: [Int], _ values: [Float]) throws {
        try values.withUnsafeBytes { try add(name, .number(.float32), shape: shape, $0) }
    }

    /// Adds a whole array of integers; throws as the other `add`.
    package func add(_ name: String, shape: [Int], _ values: [Int64]) throws {
        try values.withUnsafeBytes { try add(name, .number(.int64), shape: shape, $0) }
    }

    /// Adds a text as an array without dimensions, which `str(numpy.load(file)[name])` gives back.
    /// - Throws: `VitvideoError` as `array`.
    package func add(_ name: String, text: String) throws {
        let scalars = Array(text.unicodeScalars.map(\.value))
        // NumPy pads with zeros and so reads a single zero as the empty text.
        let codes = scalars.isEmpty ? [0] : scalars
        try codes.withUnsafeBytes { try add(name, .unicode(length: codes.count), shape: [], $0) }
    }

    /// Adds a whole array of elements as they are in memory, little-endian; throws as the other `add`.
    package func add(
        _ name: String, _ element: NPYElement, shape: [Int], _ bytes: UnsafeRawBufferPointer
    ) throws {
        try check(name)
        let expected = try locating("write", path) { try element.byteCount(ofShape: shape) }
        guard bytes.count == expected else {
            throw VitvideoError(
                .badData, cannot: "write", path: path,
                reason: "array \(quoted(name)): \(bytes.count) bytes are not the \(expected) of \(shape)")
        }
        let spool = try whole ?? SpoolFile(beside: path)
        whole = spool
        let start = spool.byteCount
        try NPYHeader.encode(element: element, shape: shape).withUnsafeBytes(spool.write)
        try spool.write(bytes)
        names.insert(name)
        entries.append(.whole(name: name, bytes: start..<spool.byteCount))
    }

    /// Completes the archive. Called once; the writer is spent afterwards, also when it throws.
    ///
    /// - Parameter otherPath: where to on the same file system, if not to the path given at first (for what
    ///   an interrupted run leaves); what is there is replaced.
    /// - Throws: `VitvideoError` of kind `inputOutput` where writing fails, `cannotCreate` where the file has
    ///   come to exist meanwhile; nothing is left behind then.
    package func finish(as otherPath: String? = nil) throws {
        let path = otherPath ?? path
        guard isOpen else { throw Self.spent(path) }
        isOpen = false
        defer { abandon() }
        let file = try AtomicFile(
            self.path, overwrite: overwrite || otherPath != nil, temporaryPath: temporaryPath,
            cleansUp: false,
            wording: .errno)
        // libzip puts a new file in the place of the one it is given, so it gets a name beside that.
        let archivePath = temporaryPath + ".zip"
        defer { FileSystem.unlink(archivePath) }
        try assemble(at: archivePath, naming: path)
        try file.adopt(archivePath)
        try file.commit(as: otherPath)
    }

    /// Gives up: nothing appears under the output's name.
    package func abandon() {
        isOpen = false
        for case .growing(let array) in entries { array.discard() }
        entries = []
        whole?.discard()
        whole = nil
    }

    private func check(_ name: String) throws {
        guard isOpen else { throw Self.spent(path) }
        guard !names.contains(name) else {
            throw VitvideoError(
                .badData, cannot: "write", path: path, reason: "two arrays are named \(quoted(name))")
        }
    }

    private func assemble(at temporaryPath: String, naming path: String) throws {
        func write(_ whole: UnsafeRawBufferPointer) throws {
            var rest = entries[...]
            try ZipWriter.write(to: temporaryPath, naming: path) {
                switch rest.popFirst() {
                case .growing(let array): (array.name + ".npy", .file(try array.takeSpool()))
                case .whole(let name, let bytes):
                    (name + ".npy", .bytes(UnsafeRawBufferPointer(rebasing: whole[bytes])))
                case nil: nil
                }
            }
        }
        if let whole {
            try whole.withBytes(write)
        } else {
            try write(UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    private static func spent(_ path: String) -> VitvideoError {
        VitvideoError(.inputOutput, cannot: "write", path: path, reason: "the archive is closed already")
    }

    deinit { abandon() }
}
