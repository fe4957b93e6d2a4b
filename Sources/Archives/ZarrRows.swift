import Base
import Files
import NumPy

/// The rows of a Zarr array: a chunk, which is a file, for each row; of an array of single values for each 1,024 of them,
/// or all where they are fewer.
final class ZarrRows: ArrayRows {
    let array: ArchivedArray
    /// Its name within the group.
    let name: String
    /// The directory of its chunks.
    let place: String
    private let directory: OutputDirectory
    private let rowByteCount: Int
    /// Chunks that are written.
    private var chunkCount = 0
    private var rowCount = 0
    /// Single values of a chunk that is not full.
    private var pending: [UInt8] = []
    private var isOpen = true

    /// Rows of single values in a chunk.
    static let mostValues = 1024

    /// - Parameter group: the group within the directory's that it belongs to; nil for that one.
    /// - Throws: `VitvideoError` without a path.
    init(_ array: ArchivedArray, of group: String?, in directory: OutputDirectory) throws {
        self.array = array
        self.directory = directory
        let name = try ZarrName.checked(array.name)
        self.name = name
        place = group.map { "\($0)/\(name)" } ?? name
        rowByteCount = try array.rowByteCount()
    }

    private var isOfValues: Bool { array.rowShape.isEmpty }

    func appendBytes(_ bytes: UnsafeRawBufferPointer) throws {
        guard isOpen else {
            throw VitvideoError(
                .inputOutput, cannot: "write", path: directory.path, reason: "the archive is closed already")
        }
        try array.checkWhole(bytes.count, rowByteCount: rowByteCount, path: directory.path)
        rowCount += bytes.count / rowByteCount
        let chunkByteCount = isOfValues ? Self.mostValues * rowByteCount : rowByteCount
        var rest = bytes
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(chunkByteCount - pending.count))
            rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
            if pending.isEmpty, piece.count == chunkByteCount {
                try writeChunk(piece)
                continue
            }
            pending += piece
            if pending.count == chunkByteCount { try writePending() }
        }
    }

    /// Writes what is pending. A chunk that is not the only one has its full size, as the format wants it, and ends with
    /// zeros.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`.
    func finish() throws {
        guard !pending.isEmpty else { return }
        if chunkCount > 0 {
            pending += [UInt8](repeating: 0, count: Self.mostValues * rowByteCount - pending.count)
        }
        try writePending()
    }

    /// Takes no more.
    func close() { isOpen = false }

    // MARK: Metadata

    var metadata: JSONValue {
        let rows = isOfValues ? min(Self.mostValues, max(1, rowCount)) : 1
        return .object([
            JSONValue.Member("chunks", shape(rows)),
            JSONValue.Member("compressor", .null),
            JSONValue.Member("dtype", .string(NPYElement.number(array.element).descriptor)),
            // A value here would be read as a mask, and integers as floats.
            JSONValue.Member("fill_value", .null),
            JSONValue.Member("filters", .null),
            JSONValue.Member("order", .string("C")),
            JSONValue.Member("shape", shape(rowCount)),
            JSONValue.Member("zarr_format", .integer(2)),
        ])
    }

    var attributes: JSONValue {
        var members = [
            JSONValue.Member("_ARRAY_DIMENSIONS", .array(array.dimensions.map(JSONValue.string)))
        ]
        if let unit = array.unit { members.append(JSONValue.Member("units", .string(unit))) }
        return .object(members)
    }

    private func shape(_ rows: Int) -> JSONValue { .array(([rows] + array.rowShape).map(JSONValue.integer)) }

    // MARK: Chunks

    private func writePending() throws {
        try pending.withUnsafeBytes(writeChunk)
        pending.removeAll(keepingCapacity: true)
    }

    private func writeChunk(_ bytes: UnsafeRawBufferPointer) throws {
        let chunk = [String(chunkCount)] + array.rowShape.map { _ in "0" }
        try directory.write(bytes, to: "\(place)/\(chunk.joined(separator: "."))")
        chunkCount += 1
    }
}
