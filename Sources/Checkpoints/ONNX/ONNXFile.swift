import Base
import Files
import NumPy

/// The initializers of a mapped ONNX model under the names of the PyTorch modules that own them.
///
/// Model and graph are walked in place; nodes and initializers are decoded one at a time and dropped again, so
/// that opening a model costs little more memory than the list of its tensors.
struct ONNXFile: TensorSource {
    let tensors: [(name: String, description: TensorDescription)]
    let metadata: [String: String]
    private let file: MappedFile
    private let initializers: [ONNXInitializer]
    private let origins: [ONNXNames.Origin]

    /// Whether the bytes begin with `ir_version`, the first field of a ModelProto. There is no better sign:
    /// protobuf has no magic number.
    static func looksLikeOne(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count > 2 && bytes[0] == 0x08 && (1...32).contains(bytes[1])
    }

    /// - Throws: `VitvideoError` for damage, and for weights in other files.
    init(_ file: MappedFile) throws {
        self.file = file
        var metadata: [String: String] = [:]
        let (initializers, names) = try file.withBytes { bytes in
            var graph: Range<Int>?
            var hasOperatorSet = false
            var model = ProtobufFields(bytes, 0..<bytes.count)
            while let field = try model.next() {
                guard let content = field.content else { continue }
                switch field.number {
                case 2: metadata["producer_name"] = String(decoding: bytes[content], as: UTF8.self)
                case 3: metadata["producer_version"] = String(decoding: bytes[content], as: UTF8.self)
                case 7: graph = content
                case 8: hasOperatorSet = true
                default: break
                }
            }
            // ONNX demands one, and it comes last: without it the end of the file is missing.
            guard hasOperatorSet else {
                throw VitvideoError.badData(
                    "it names no operator set", nextStep: "the file is cut short or damaged: get it again")
            }
            guard let graph else { throw VitvideoError.badData("it holds no graph") }
            return try Self.read(bytes, graph)
        }
        self.initializers = initializers
        self.metadata = metadata
        var tensors: [(name: String, description: TensorDescription)] = []
        var origins: [ONNXNames.Origin] = []
        for (name, origin) in names.tensors() {
            tensors.append((name, try Self.description(origin, initializers)))
            origins.append(origin)
        }
        self.tensors = tensors
        self.origins = origins
    }

    private static func read(
        _ bytes: UnsafeRawBufferPointer, _ graph: Range<Int>
    ) throws -> ([ONNXInitializer], ONNXNames) {
        // GraphProto: 1 node, 5 initializer, 15 sparse_initializer. Nodes come first in the file, but naming needs
        // the initializers, hence two passes.
        var initializers: [ONNXInitializer] = []
        var fields = ProtobufFields(bytes, graph)
        while let field = try fields.next() {
            if field.number == 5, let content = field.content {
                initializers.append(try ONNXInitializer(bytes, content))
            }
        }
        var names = try ONNXNames(initializers)
        fields = ProtobufFields(bytes, graph)
        while let field = try fields.next() {
            if field.number == 1, let content = field.content {
                names.add(try decodeProtobuf(UnsafeRawBufferPointer(rebasing: bytes[content])))
            }
        }
        return (initializers, names)
    }

    private static func description(
        _ origin: ONNXNames.Origin, _ initializers: [ONNXInitializer]
    ) throws -> TensorDescription {
        switch origin {
        case .whole(let index): return initializers[index].description
        case .transposed(let index):
            let stored = initializers[index].description
            return try TensorDescription(shape: stored.shape.reversed(), elementType: stored.elementType)
        case .joined(let classToken, let patches):
            let parts = (initializers[classToken].description, initializers[patches].description)
            let tokens = parts.0.shape[1].addingReportingOverflow(parts.1.shape[1])
            guard !tokens.overflow, parts.0.elementType == parts.1.elementType else {
                throw VitvideoError.badData("the halves of its position table do not fit")
            }
            return try TensorDescription(
                shape: [1, tokens.partialValue, parts.0.shape[2]], elementType: parts.0.elementType)
        }
    }

    func floats(_ index: Int) throws -> [Float] {
        try file.withBytesOnce { bytes in
            switch origins[index] {
            case .whole(let initializer): return try initializers[initializer].floats(bytes)
            case .transposed(let initializer):
                let shape = initializers[initializer].description.shape
                return transposed(
                    try initializers[initializer].floats(bytes), rows: shape[0], columns: shape[1])
            case .joined(let classToken, let patches):
                return try initializers[classToken].floats(bytes) + initializers[patches].floats(bytes)
            }
        }
    }
}

/// (rows, columns) to (columns, rows), both row-major. Goes by tiles of 16×16, so that each cache line that is
/// touched is used whole.
private func transposed(_ values: [Float], rows: Int, columns: Int) -> [Float] {
    // One side may be huge where the other is 0.
    if values.isEmpty { return [] }
    return [Float](unsafeUninitializedCapacity: values.count) { output, initializedCount in
        values.withUnsafeBufferPointer { input in
            for firstRow in stride(from: 0, to: rows, by: 16) {
                for firstColumn in stride(from: 0, to: columns, by: 16) {
                    for column in firstColumn..<min(firstColumn + 16, columns) {
                        for row in firstRow..<min(firstRow + 16, rows) {
                            output[column * rows + row] = input[row * columns + column]
                        }
                    }
                }
            }
        }
        initializedCount = values.count
    }
}
