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
    private let origins: [ONNXOrigin]
    private let dataFiles: ONNXDataFiles

    /// The files beside the model that hold values.
    var dataPaths: [String] { dataFiles.files.map(\.path) }

    /// Whether the bytes begin with `ir_version`, the first field of a ModelProto. There is no better sign:
    /// protobuf has no magic number.
    static func looksLikeOne(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count > 2 && bytes[0] == 0x08 && (1...32).contains(bytes[1])
    }

    /// - Throws: `VitvideoError` for damage, for a model without weights, and as `ONNXDataFiles.place`.
    init(_ file: MappedFile) throws {
        self.file = file
        var metadata: [String: String] = [:]
        var dataFiles = ONNXDataFiles(besideModel: file.path)
        let (initializers, names) = try file.withBytes { bytes in
            try Self.read(bytes, &metadata, &dataFiles)
        }
        guard !initializers.isEmpty else {
            throw VitvideoError.badData(
                "it is a graph without weights", nextStep: "export it again, with export_params=True")
        }
        self.initializers = initializers
        if names.hasFoldedPositions { metadata["folded_positions"] = "true" }
        metadata["activation"] = names.activations.only
        self.metadata = metadata
        self.dataFiles = dataFiles
        var tensors: [(name: String, description: TensorDescription)] = []
        var origins: [ONNXOrigin] = []
        for (name, origin) in names.tensors() {
            tensors.append((name, try origin.description(initializers)))
            origins.append(origin)
        }
        self.tensors = tensors
        self.origins = origins
    }

    private static func read(
        _ bytes: UnsafeRawBufferPointer, _ metadata: inout [String: String], _ dataFiles: inout ONNXDataFiles
    ) throws -> ([ONNXInitializer], ONNXNames) {
        // ModelProto: 2 producer_name, 3 producer_version, 7 graph, 8 opset_import. Parts of a graph are one graph.
        // GraphProto: 1 node, 5 initializer. Nodes come first in the file, but naming needs the initializers, hence
        // two passes.
        var (hasOperatorSet, hasGraph) = (false, false)
        var initializers: [ONNXInitializer] = []
        var model = ProtobufFields(bytes, 0..<bytes.count)
        while let field = try model.next() {
            guard let content = field.content else { continue }
            switch field.number {
            case 2: metadata["producer_name"] = try model.text(content)
            case 3: metadata["producer_version"] = try model.text(content)
            case 7:
                hasGraph = true
                var graph = ProtobufFields(bytes, content)
                while let field = try graph.next() {
                    guard field.number == 5, let content = field.content else { continue }
                    initializers.append(try ONNXInitializer(bytes, content, dataFiles: &dataFiles))
                }
            case 8: hasOperatorSet = true
            default: break
            }
        }
        // ONNX demands one, and it comes last: without it the end of the file is missing.
        guard hasOperatorSet else {
            throw VitvideoError.badData(
                "it names no operator set", nextStep: "the file is cut short or damaged: get it again")
        }
        guard hasGraph else { throw VitvideoError.badData("it holds no graph") }

        var names = try ONNXNames(initializers)
        model = ProtobufFields(bytes, 0..<bytes.count)
        while let field = try model.next() {
            guard field.number == 7, let content = field.content else { continue }
            var graph = ProtobufFields(bytes, content)
            while let field = try graph.next() {
                guard field.number == 1, let content = field.content else { continue }
                names.add(try ONNXNode(bytes, content))
            }
        }
        return (initializers, names)
    }

    func floats(_ index: Int) throws -> [Float] {
        try file.withBytesOnce { bytes in
            try origins[index].floats {
                try initializers[$0].floats(bytes, dataFiles: dataFiles)
            } shape: {
                initializers[$0].description.shape
            }
        }
    }
}
