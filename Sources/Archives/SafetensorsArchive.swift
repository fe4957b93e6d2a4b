import Base
import Checkpoints
import Files
import NumPy

/// A safetensors file of arrays that grow, and of groups of whole ones.
///
/// Its header tells every array's place, which is not known before the last row. So each array waits in a nameless
/// temporary file beside the output, whole ones of one width in one that they share; `finish` writes the header and moves
/// one file after the other behind it, so that for a moment the disk holds the longest of them twice. As the reference's
/// writer has it, arrays of wider elements come first, which makes all of them aligned, and between them is no gap. https://github.com/huggingface/safetensors#format
final class SafetensorsArchive: GroupedArchive {
    let path: String
    let temporaryPath: String
    private let overwrite: Bool
    private var arrays: [SpooledRows] = []
    /// By the bytes of an element.
    private var whole: [Int: SpooledArrays] = [:]
    private var texts: [String: String] = [:]
    private var names: Set<String> = []
    private var isOpen = true

    /// - Throws: as `ArchiveFormat.create`.
    init(_ path: String, overwrite: Bool) throws {
        // Whether the file can be made at all is worth knowing before hours of work.
        let file = try AtomicFile(path, overwrite: overwrite, wording: .errno)
        self.path = file.path
        self.overwrite = overwrite
        temporaryPath = file.temporaryPath
        file.abandon()
    }

    func rows(of array: ArchivedArray) throws -> any ArrayRows {
        try check(array.name)
        let rows = try locating("write", path) { try SpooledRows(array, beside: path) }
        names.insert(array.name)
        arrays.append(rows)
        return rows
    }

    func add(_ name: String, text: String) throws {
        try check(name)
        names.insert(name)
        texts[name] = text
    }

    func add(_ group: ArrayGroup) throws {
        for rows in group.arrays {
            let name = group.fullName(rows.array.name)
            try check(name)
            let width = rows.array.element.byteCount
            let spooled = try whole[width] ?? SpooledArrays(spool: SpoolFile(beside: path))
            whole[width] = spooled
            try rows.bytes.withUnsafeBytes(spooled.spool.write)
            names.insert(name)
            whole[width]?.arrays.append(
                (name, try TensorDescription(shape: rows.shape, elementType: rows.array.element)))
        }
        for (name, text) in group.texts { try add(group.fullName(name), text: text) }
    }

    func finish(as otherPath: String?) throws {
        guard isOpen else { throw spent }
        defer { abandon() }
        let file = try AtomicFile(
            path, overwrite: overwrite || otherPath != nil, temporaryPath: temporaryPath, cleansUp: false,
            wording: .errno)
        var content: [(arrays: [(String, TensorDescription)], spool: SpoolFile)] = []
        for width in Set(arrays.map(\.width) + whole.keys).sorted(by: >) {
            for rows in arrays where rows.width == width {
                content.append(([(rows.array.name, try rows.description())], rows.spool))
            }
            if let whole = whole[width] { content.append((whole.arrays, whole.spool)) }
        }
        let header = try locating("write", path) {
            try Safetensors.encodedHeader(of: content.flatMap(\.arrays), metadata: texts)
        }
        try file.write(header)
        for (_, spool) in content { try spool.move(to: file) }
        try file.commit(as: otherPath)
    }

    func abandon() {
        isOpen = false
        for rows in arrays { rows.spool.discard() }
        for arrays in whole.values { arrays.spool.discard() }
        (arrays, whole) = ([], [:])
    }

    private func check(_ name: String) throws {
        guard isOpen else { throw spent }
        guard !names.contains(name) else {
            throw VitvideoError(
                .badData, cannot: "write", path: path, reason: "two arrays are named \(quoted(name))")
        }
    }

    private var spent: VitvideoError {
        VitvideoError(.inputOutput, cannot: "write", path: path, reason: "the archive is closed already")
    }
}

/// Whole arrays, one after the other in a temporary file.
private struct SpooledArrays {
    let spool: SpoolFile
    var arrays: [(name: String, description: TensorDescription)] = []
}

/// Rows in a temporary file.
private final class SpooledRows: ArrayRows {
    let array: ArchivedArray
    let spool: SpoolFile
    private let rowByteCount: Int
    private let path: String
    private var rowCount = 0

    /// - Throws: `VitvideoError`.
    init(_ array: ArchivedArray, beside path: String) throws {
        self.array = array
        self.path = path
        rowByteCount = try array.rowByteCount()
        spool = try SpoolFile(beside: path)
    }

    /// Bytes of an element.
    var width: Int { array.element.byteCount }

    /// - Throws: `VitvideoError` where the array has become too large for an `Int`.
    func description() throws -> TensorDescription {
        try TensorDescription(shape: [rowCount] + array.rowShape, elementType: array.element)
    }

    func appendBytes(_ bytes: UnsafeRawBufferPointer) throws {
        try array.checkWhole(bytes.count, rowByteCount: rowByteCount, path: path)
        try spool.write(bytes)
        rowCount += bytes.count / rowByteCount
    }
}

extension ArchivedArray {
    /// - Throws: `VitvideoError` of kind `badData` where so many bytes are no whole rows.
    func checkWhole(_ byteCount: Int, rowByteCount: Int, path: String) throws {
        guard byteCount % rowByteCount == 0 else {
            throw VitvideoError(
                .badData, cannot: "write", path: path,
                reason: "array \(quoted(name)): \(byteCount) bytes are no whole rows of \(rowByteCount)")
        }
    }
}
