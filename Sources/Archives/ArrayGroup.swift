import Base

/// Arrays and texts of an archive that belong together: those of one picture among many.
///
/// It is filled as an archive is, in memory, and `finish` hands it over whole. In `.npz` and `.safetensors` the names of
/// what it holds begin with its own, `dog.jpg/attention`; in `.zarr` it is a group within the group.
package final class ArrayGroup: ArrayArchive {
    package let name: String
    private let archive: any GroupedArchive
    private(set) var arrays: [WholeArray] = []
    private(set) var texts: [(name: String, text: String)] = []

    package init(_ name: String, of archive: any GroupedArchive) {
        self.name = name
        self.archive = archive
    }

    package var path: String { archive.path }
    package var temporaryPath: String { archive.temporaryPath }

    /// What a member is called in an archive without groups.
    func fullName(_ member: String) -> String { "\(name)/\(member)" }

    package func rows(of array: ArchivedArray) throws -> any ArrayRows {
        try check(array.name)
        let rows = try locating("write", path) { try WholeArray(array, path: path) }
        arrays.append(rows)
        return rows
    }

    package func add(_ name: String, text: String) throws {
        try check(name)
        texts.append((name, text))
    }

    /// Hands the group over to its archive.
    ///
    /// - Parameter otherPath: nil; where the archive goes to is said when that is finished.
    /// - Throws: as `GroupedArchive.add`.
    package func finish(as otherPath: String?) throws {
        precondition(otherPath == nil, "a group has no file of its own")
        try archive.add(self)
    }

    package func abandon() { (arrays, texts) = ([], []) }

    private func check(_ name: String) throws {
        guard !arrays.contains(where: { $0.array.name == name }), !texts.contains(where: { $0.name == name })
        else {
            throw VitvideoError(
                .badData, cannot: "write", path: path, reason: "two arrays are named \(quoted(name))")
        }
    }
}

/// An array in memory.
final class WholeArray: ArrayRows {
    let array: ArchivedArray
    private(set) var bytes: [UInt8] = []
    private let rowByteCount: Int
    private let path: String

    /// - Throws: `VitvideoError` without a path.
    init(_ array: ArchivedArray, path: String) throws {
        self.array = array
        self.path = path
        rowByteCount = try array.rowByteCount()
    }

    var shape: [Int] { [bytes.count / rowByteCount] + array.rowShape }

    func appendBytes(_ bytes: UnsafeRawBufferPointer) throws {
        try array.checkWhole(bytes.count, rowByteCount: rowByteCount, path: path)
        self.bytes += bytes
    }
}
