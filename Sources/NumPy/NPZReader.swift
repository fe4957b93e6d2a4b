import Base
import Files

/// A NumPy archive (`numpy.savez`, `numpy.savez_compressed`) open for reading. Thread-safe.
package struct NPZReader: Sendable {
    private let archive: ZipArchive
    private let entries: [String: ZipArchive.Entry]
    /// The arrays' names in the archive's order, without `.npy`.
    package let names: [String]

    /// - Throws: `VitvideoError` where the file cannot be opened or is no zip archive.
    package init(_ path: String) throws {
        try self.init(archive: ZipArchive.open(path))
    }

    package init(archive: ZipArchive) {
        self.archive = archive
        let arrays = archive.entries.filter { $0.name.hasSuffix(".npy") }
        names = arrays.map { String($0.name.dropLast(4)) }
        entries = Dictionary(zip(names, arrays)) { first, _ in first }
    }

    /// Reads one array; Fortran order is turned into row-major.
    /// - Throws: `VitvideoError` where there is none of that name, its type is not read here, or it is damaged.
    package func array(_ name: String) throws -> NPYArray {
        try locating("read array \(quoted(name)) of", archive.path) {
            let entry = try entry(name)
            let bytes = try archive.read(entry)
            return try bytes.withUnsafeBytes { raw in
                let header = try NPYHeader(raw)
                try Self.check(header, entry)
                let data = UnsafeRawBufferPointer(rebasing: raw[header.dataOffset...])
                return NPYArray(
                    element: header.element, shape: header.shape, bytes: try Self.rowMajor(data, header))
            }
        }
    }

    /// The header of an array.
    ///
    /// - Throws: `VitvideoError` without a path.
    package func header(_ name: String) throws -> NPYHeader {
        let entry = try entry(name)
        let start = try archive.read(entry, 0..<min(entry.byteCount, NPYHeader.largestHeader))
        let header = try start.withUnsafeBytes { try NPYHeader($0) }
        try Self.check(header, entry)
        return header
    }

    /// - Throws: `VitvideoError` where header and length disagree.
    private static func check(_ header: NPYHeader, _ entry: ZipArchive.Entry) throws {
        guard entry.byteCount - header.dataOffset == header.byteCount else {
            throw VitvideoError.badData(
                "its shape \(oneLine("\(header.shape)")) asks for \(header.byteCount) bytes, "
                    + "but \(entry.byteCount - header.dataOffset) are there")
        }
    }

    private static func rowMajor(_ data: UnsafeRawBufferPointer, _ header: NPYHeader) throws -> [UInt8] {
        guard header.isFortranOrder, header.shape.count > 1 else { return Array(data) }
        guard case .number(let type) = header.element else {
            throw VitvideoError.badData("it holds text in Fortran order")
        }
        let description = try TensorDescription(shape: header.shape, elementType: type)
        let layout = try StridedLayout(
            description, strides: StridedLayout.columnMajorStrides(header.shape), offset: 0,
            storageCount: header.elementCount)
        return layout.gathered(data, elementSize: type.byteCount)
    }

    private func entry(_ name: String) throws -> ZipArchive.Entry {
        guard let entry = entries[name] else { throw VitvideoError.badData("there is no such array") }
        return entry
    }
}
