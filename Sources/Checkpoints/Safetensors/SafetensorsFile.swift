import Base
import Files
import NumPy

/// The header of a safetensors file: 8 bytes with the length of a JSON object (little-endian), the object, then
/// the tensors' bytes without gaps or overlaps. https://github.com/huggingface/safetensors#format
struct SafetensorsHeader {
    struct Entry {
        let name: String
        let description: TensorDescription
        /// Where the tensor lies, in bytes from the file's beginning.
        let range: Range<Int>
    }

    /// The tensors in the order of their bytes.
    let entries: [Entry]
    let metadata: [String: String]

    /// The reference implementation's limit on the header's length.
    static let largestHeader = 100_000_000

    /// Whether the first bytes are a length and the beginning of a JSON object. A length beyond the end of the
    /// file still counts, so that the error can say so.
    static func looksLikeOne(_ bytes: UnsafeRawBufferPointer) throws -> Bool {
        guard bytes.count > 8, bytes[8] == UInt8(ascii: "{") else { return false }
        var cursor = ByteCursor(bytes)
        return try cursor.littleEndian(UInt64.self) < 1 << 40
    }

    /// - Throws: `VitvideoError` for everything that the reference implementation refuses: a header longer than the
    ///   file or than 100 MB, unknown types, offsets that overlap, leave gaps, disagree with shape and type or do
    ///   not end with the file; also for a name that comes twice.
    init(_ bytes: UnsafeRawBufferPointer) throws {
        var cursor = ByteCursor(bytes)
        let declared = try cursor.littleEndian(UInt64.self)
        guard declared <= UInt64(min(Self.largestHeader, cursor.remaining)) else {
            throw VitvideoError.badData(
                "its header is said to be \(declared) bytes long, but \(cursor.remaining) follow",
                nextStep: "the file is cut short or damaged: get it again")
        }
        let json = try cursor.take(Int(declared))
        let dataStart = cursor.position

        var entries: [Entry] = []
        var metadata: [String: String] = [:]
        var scanner = JSONScanner(json)
        try scanner.object { scanner, name in
            if name == "__metadata__" {
                try scanner.object { scanner, key in metadata[key] = try scanner.string() }
            } else {
                entries.append(
                    try Self.entry(name, &scanner, dataStart: dataStart, dataCount: bytes.count - dataStart))
            }
        }
        try scanner.end()

        entries.sort {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        var end = dataStart
        for entry in entries {
            guard entry.range.lowerBound == end else {
                let fault =
                    entry.range.lowerBound < end ? "overlaps the one before it" : "leaves a gap before it"
                throw VitvideoError.badData("tensor \(quoted(entry.name)) \(fault)")
            }
            end = entry.range.upperBound
        }
        guard end == bytes.count else {
            throw VitvideoError.badData("its tensors end at byte \(end), but the file has \(bytes.count)")
        }
        self.entries = entries
        self.metadata = metadata
    }

    private static func entry(
        _ name: String, _ scanner: inout JSONScanner, dataStart: Int, dataCount: Int
    ) throws -> Entry {
        var type: String?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.object { scanner, field in
            switch field {
            case "dtype": type = try scanner.string()
            case "shape": shape = try scanner.integers(limit: TensorDescription.largestRank)
            case "data_offsets": offsets = try scanner.integers(limit: 2)
            default: try scanner.skipValue()
            }
        }
        guard let type, let shape, let offsets, offsets.count == 2 else {
            throw VitvideoError.badData("tensor \(quoted(name)) lacks its type, shape or offsets")
        }
        guard let elementType = ElementType(safetensors: type) else {
            throw VitvideoError.badData("tensor \(quoted(name)) has the type \(quoted(type))")
        }
        let description = try TensorDescription(shape: shape, elementType: elementType)
        guard offsets[0] <= offsets[1], offsets[1] <= dataCount else {
            throw VitvideoError.badData(
                "tensor \(quoted(name)) lies at \(offsets[0])..<\(offsets[1]) of \(dataCount) bytes",
                nextStep: "the file is cut short or damaged: get it again")
        }
        guard offsets[1] - offsets[0] == description.byteCount else {
            throw VitvideoError.badData(
                "tensor \(quoted(name)) of \(description) has \(offsets[1] - offsets[0]) bytes")
        }
        return Entry(
            name: name, description: description, range: (dataStart + offsets[0])..<(dataStart + offsets[1]))
    }
}

extension ElementType {
    /// From safetensors' name of the type; nil for types that are not read here (8-bit floats and smaller).
    init?(safetensors name: String) {
        guard let type = Self.allCases.first(where: { $0.safetensorsName == name }) else { return nil }
        self = type
    }

    /// Safetensors' name of the type.
    var safetensorsName: String {
        switch self {
        case .float64: "F64"
        case .float32: "F32"
        case .float16: "F16"
        case .bfloat16: "BF16"
        case .int64: "I64"
        case .int32: "I32"
        case .int16: "I16"
        case .int8: "I8"
        case .uint64: "U64"
        case .uint32: "U32"
        case .uint16: "U16"
        case .uint8: "U8"
        case .bool: "BOOL"
        }
    }
}

/// A mapped safetensors file.
struct SafetensorsFile: TensorSource {
    let tensors: [(name: String, description: TensorDescription)]
    let metadata: [String: String]
    private let file: MappedFile
    private let ranges: [Range<Int>]

    init(_ file: MappedFile) throws {
        let header = try file.withBytes { try SafetensorsHeader($0) }
        self.file = file
        tensors = header.entries.map { ($0.name, $0.description) }
        ranges = header.entries.map(\.range)
        metadata = header.metadata
    }

    func floats(_ index: Int) throws -> [Float] {
        try file.withBytesOnce { bytes in
            try tensors[index].description.elementType.floats(
                UnsafeRawBufferPointer(rebasing: bytes[ranges[index]]))
        }
    }
}
