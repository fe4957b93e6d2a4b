import Base
import Files
import Foundation

/// Writes a NumPy archive of arrays that grow row by row, in memory that does not depend on their length.
///
/// Each array is spooled to a nameless temporary file in the output's directory (it vanishes with the
/// process, however that ends); `finish` patches the shapes and copies the arrays into the archive, stored,
/// so that for a moment the disk holds the data twice. The output appears under its name only when it is
/// complete (`AtomicFile`).
///
/// It belongs to one thread, and so do its arrays.
package final class NPZWriter {
    /// The name it gets: the target, where a link was named.
    package let path: String
    private let overwrite: Bool
    /// Where `finish` makes the file; there is none before. Whoever has to end the process at once removes the
    /// files whose names begin with this one's.
    package let temporaryPath: String
    private var arrays: [NPZArrayWriter] = []
    private var isOpen = true

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
        try add(name, .number(element), rowShape: rowShape, isGrowing: true)
    }

    /// Adds a whole array.
    /// - Throws: `VitvideoError` where the values are not as many as the shape says, or as `array`.
    package func add(_ name: String, shape: [Int], _ values: [Float]) throws {
        try add(name, .number(.float32), rowShape: shape, isGrowing: false).append(values)
    }

    /// Adds a whole array of integers; throws as the other `add`.
    package func add(_ name: String, shape: [Int], _ values: [Int64]) throws {
        try add(name, .number(.int64), rowShape: shape, isGrowing: false).append(values)
    }

    /// Adds a text as an array without dimensions, which `str(numpy.load(file)[name])` gives back.
    /// - Throws: `VitvideoError` as `array`.
    package func add(_ name: String, text: String) throws {
        let scalars = Array(text.unicodeScalars.map(\.value))
        // NumPy pads with zeros and so reads a single zero as the empty text.
        let codes = scalars.isEmpty ? [0] : scalars
        let array = try add(name, .unicode(length: codes.count), rowShape: [], isGrowing: false)
        try codes.withUnsafeBytes { try array.appendBytes($0) }
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
        for array in arrays { array.discard() }
        arrays = []
    }

    private func add(
        _ name: String, _ element: NPYElement, rowShape: [Int], isGrowing: Bool
    ) throws -> NPZArrayWriter {
        guard isOpen else { throw Self.spent(path) }
        guard !arrays.contains(where: { $0.name == name }) else {
            throw VitvideoError(
                .badData, cannot: "write", path: path, reason: "two arrays are named \(quoted(name))")
        }
        let array = try locating("write", path) {
            try NPZArrayWriter(
                name: name, element: element, rowShape: rowShape, isGrowing: isGrowing, outputPath: path)
        }
        arrays.append(array)
        return array
    }

    private func assemble(at temporaryPath: String, naming path: String) throws {
        var rest = arrays[...]
        try ZipWriter.write(to: temporaryPath, naming: path) {
            guard let array = rest.popFirst() else { return nil }
            return (array.name + ".npy", try array.takeSpool())
        }
    }

    private static func spent(_ path: String) -> VitvideoError {
        VitvideoError(.inputOutput, cannot: "write", path: path, reason: "the archive is closed already")
    }

    deinit { abandon() }
}
