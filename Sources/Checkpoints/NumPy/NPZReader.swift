/// An array out of a NumPy archive, row-major.
package struct NPYArray: Sendable, Equatable {
    package let element: NPYElement
    /// Sizes, outermost first; empty for a single value.
    package let shape: [Int]
    /// The elements, little-endian, without gaps.
    package let bytes: [UInt8]

    /// Any floating-point type as Float32.
    /// - Throws: `CheckpointError` for other types.
    package func floats() throws -> [Float] {
        try locating("convert", "array") {
            guard case .number(let type) = element else { throw FormatError("it holds text, not numbers") }
            return try bytes.withUnsafeBytes { try type.floats($0) }
        }
    }

    /// Float64 elements; empty result only for an empty array.
    /// - Throws: `CheckpointError` for other types.
    package func doubles() throws -> [Double] { try elements(of: .float64, as: Double.self) }

    /// Int64 elements.
    /// - Throws: `CheckpointError` for other types.
    package func int64s() throws -> [Int64] { try elements(of: .int64, as: Int64.self) }

    /// Int32 elements.
    /// - Throws: `CheckpointError` for other types.
    package func int32s() throws -> [Int32] { try elements(of: .int32, as: Int32.self) }

    /// The text of each element, without the zeros that pad it.
    /// - Throws: `CheckpointError` for arrays of numbers.
    package func strings() throws -> [String] {
        let size = element.byteCount
        let count = size == 0 ? shape.reduce(1, *) : bytes.count / size
        return try (0..<count).map { index in
            let piece = bytes[(index * size)..<((index + 1) * size)]
            switch element {
            case .bytes:
                let end = piece.lastIndex { $0 != 0 }.map { $0 + 1 } ?? piece.startIndex
                return String(decoding: piece[..<end], as: UTF8.self)
            case .unicode: return Self.text(piece)
            case .number(let type):
                throw CheckpointError(
                    .invalidData, cannot: "convert", path: "array", reason: "it holds \(type), not text")
            }
        }
    }

    private static func text(_ utf32: ArraySlice<UInt8>) -> String {
        var scalars = String.UnicodeScalarView()
        var pendingZeros = 0
        for start in stride(from: utf32.startIndex, to: utf32.endIndex, by: 4) {
            let code = (0..<4).reduce(UInt32(0)) { $0 | UInt32(utf32[start + $1]) << (8 * UInt32($1)) }
            if code == 0 {
                pendingZeros += 1
                continue
            }
            // Zeros between characters belong to the text, those at the end do not.
            scalars.append(contentsOf: repeatElement("\0", count: pendingZeros))
            pendingZeros = 0
            scalars.append(Unicode.Scalar(code) ?? "\u{fffd}")
        }
        return String(scalars)
    }

    private func elements<Value: BitwiseCopyable>(of type: ElementType, as _: Value.Type) throws -> [Value] {
        guard element == .number(type) else {
            throw CheckpointError(
                .invalidData, cannot: "convert", path: "array", reason: "it holds \(element), not \(type)")
        }
        let size = MemoryLayout<Value>.size
        return bytes.withUnsafeBytes { raw in
            (0..<(raw.count / size)).map { raw.loadUnaligned(fromByteOffset: $0 * size, as: Value.self) }
        }
    }
}

/// A NumPy archive (`numpy.savez`, `numpy.savez_compressed`) open for reading. Thread-safe.
package struct NPZReader: Sendable {
    private let archive: ZipArchive
    private let entries: [String: ZipArchive.Entry]
    /// The arrays' names in the archive's order, without `.npy`.
    package let names: [String]

    /// - Throws: `CheckpointError` where the file cannot be opened or is no zip archive.
    package init(_ path: String) throws {
        try self.init(archive: ZipArchive.open(path))
    }

    init(archive: ZipArchive) {
        self.archive = archive
        let arrays = archive.entries.filter { $0.name.hasSuffix(".npy") }
        names = arrays.map { String($0.name.dropLast(4)) }
        entries = Dictionary(zip(names, arrays)) { first, _ in first }
    }

    /// Reads one array; Fortran order is turned into row-major.
    /// - Throws: `CheckpointError` where there is none of that name, its type is not read here, or it is damaged.
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
    func header(_ name: String) throws -> NPYHeader {
        let entry = try entry(name)
        let start = try archive.read(entry, 0..<min(entry.byteCount, NPYHeader.largestHeader))
        let header = try start.withUnsafeBytes { try NPYHeader($0) }
        try Self.check(header, entry)
        return header
    }

    /// - Throws: `FormatError` where header and length disagree.
    private static func check(_ header: NPYHeader, _ entry: ZipArchive.Entry) throws {
        guard entry.byteCount - header.dataOffset == header.byteCount else {
            throw FormatError(
                "its shape \(oneLine("\(header.shape)")) asks for \(header.byteCount) bytes, "
                    + "but \(entry.byteCount - header.dataOffset) are there")
        }
    }

    private static func rowMajor(_ data: UnsafeRawBufferPointer, _ header: NPYHeader) throws -> [UInt8] {
        guard header.isFortranOrder, header.shape.count > 1 else { return Array(data) }
        guard case .number(let type) = header.element else {
            throw FormatError.unsupported("it holds text in Fortran order")
        }
        let description = try TensorDescription(shape: header.shape, elementType: type)
        let layout = try StridedLayout(
            description, strides: StridedLayout.columnMajorStrides(header.shape), offset: 0,
            storageCount: header.elementCount)
        return layout.gathered(data, elementSize: type.byteCount)
    }

    private func entry(_ name: String) throws -> ZipArchive.Entry {
        guard let entry = entries[name] else { throw FormatError("there is no such array") }
        return entry
    }
}

/// The numeric arrays of a NumPy archive as tensors.
struct NPZTensors: TensorSource {
    let tensors: [(name: String, description: TensorDescription)]
    private let reader: NPZReader

    init(_ reader: NPZReader) throws {
        self.reader = reader
        var tensors: [(name: String, description: TensorDescription)] = []
        for name in reader.names {
            let header = try inArray(name) { try reader.header(name) }
            guard case .number(let type) = header.element else { continue }
            tensors.append((name, try TensorDescription(shape: header.shape, elementType: type)))
        }
        self.tensors = tensors
    }

    func floats(_ index: Int) throws -> [Float] {
        try reader.array(tensors[index].name).floats()
    }
}

/// Puts the array's name before a parser's reason.
private func inArray<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as FormatError {
        throw FormatError(
            "its array \(quoted(name)): \(error.reason)", kind: error.kind, nextStep: error.nextStep)
    }
}
