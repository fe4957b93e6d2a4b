import Base
import Files
import NumPy

/// The whole graph of an ONNX model: its steps, and the tensors that it brings along.
/// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
///
/// Everything is checked against the file's size before memory is taken for it; values are read when asked for.
package struct ONNXGraph: Sendable {
    /// A step: an operator of some inputs.
    package struct Node: Sendable {
        package let operation: String
        /// Empty for the operators that ONNX itself defines.
        package let domain: String
        package let name: String
        /// By name; empty for an input that is left out.
        package let inputs: [String]
        package let outputs: [String]
        package let attributes: [String: Attribute]
    }

    package enum Attribute: Sendable {
        case integer(Int)
        case number(Float)
        case text(String)
        case integers([Int])
        case numbers([Float])
        case tensor(Tensor)
        /// A kind that no operator of a vision transformer has.
        case other
    }

    /// Numbers, or integers and truth values, in their shape.
    package struct Tensor: Sendable {
        package let sizes: [Int]
        package let values: Values

        package enum Values: Sendable {
            case numbers([Float])
            case integers([Int])
        }
    }

    /// What the graph is given: its name and the sizes of its axes, nil for those that are left open.
    package struct Input: Sendable {
        package let name: String
        package let sizes: [Int?]
    }

    package let path: String
    package let nodes: [Node]
    package let inputs: [Input]
    package let outputs: [String]
    /// The version of ONNX's own operators.
    package let operatorSet: Int
    private let file: MappedFile
    private let initializers: [String: ONNXInitializer]
    private let dataFiles: ONNXDataFiles

    /// Whether a file is an ONNX model.
    package static func isOne(_ path: String) throws -> Bool {
        try MappedFile.open(path).withBytes { ONNXFile.looksLikeOne($0) }
    }

    /// - Throws: `VitvideoError` of kind `noInput` where the file cannot be opened, `badData` where it is damaged.
    package static func open(_ path: String) throws -> ONNXGraph {
        let file = try MappedFile.open(path)
        return try locating("read", path) { try ONNXGraph(file) }
    }

    private init(_ file: MappedFile) throws {
        self.file = file
        path = file.path
        var dataFiles = ONNXDataFiles(besideModel: file.path)
        var reader = Reader()
        try file.withBytes { try reader.read($0, &dataFiles) }
        (nodes, inputs, outputs) = (reader.nodes, reader.inputs, reader.outputs)
        guard let operatorSet = reader.operatorSet else {
            throw VitvideoError.badData(
                "it names no operator set", nextStep: "the file is cut short or damaged: get it again")
        }
        self.operatorSet = operatorSet
        initializers = reader.initializers
        self.dataFiles = dataFiles
    }

    /// How many values the tensors that it brings along have.
    package var valueCount: Int { initializers.values.reduce(0) { $0 + $1.description.elementCount } }

    /// Whether the graph brings a tensor of this name along.
    package func hasInitializer(_ name: String) -> Bool { initializers[name] != nil }

    /// A tensor that the graph brings along; nil where there is none of that name.
    ///
    /// - Throws: `VitvideoError` where it is damaged.
    package func initializer(_ name: String) throws -> Tensor? {
        guard let initializer = initializers[name] else { return nil }
        return try file.withBytes { bytes in
            try Self.tensor(initializer, bytes, dataFiles)
        }
    }

    fileprivate static func tensor(
        _ tensor: ONNXInitializer, _ bytes: UnsafeRawBufferPointer, _ dataFiles: ONNXDataFiles
    ) throws -> Tensor {
        switch tensor.description.elementType {
        case .float16, .bfloat16, .float32, .float64:
            Tensor(
                sizes: tensor.description.shape,
                values: .numbers(try tensor.floats(bytes, dataFiles: dataFiles)))
        default:
            Tensor(
                sizes: tensor.description.shape,
                values: .integers(try tensor.integers(bytes, dataFiles: dataFiles)))
        }
    }
}

/// Walks a ModelProto.
private struct Reader {
    var nodes: [ONNXGraph.Node] = []
    var inputs: [ONNXGraph.Input] = []
    var outputs: [String] = []
    var operatorSet: Int?
    var initializers: [String: ONNXInitializer] = [:]

    mutating func read(_ bytes: UnsafeRawBufferPointer, _ dataFiles: inout ONNXDataFiles) throws {
        // ModelProto: 7 graph, 8 opset_import.
        var model = ProtobufFields(bytes, 0..<bytes.count)
        while let field = try model.next() {
            guard let content = field.content else { continue }
            switch field.number {
            case 7: try readGraph(bytes, content, &dataFiles)
            case 8: try readOperatorSet(bytes, content)
            default: break
            }
        }
        guard !nodes.isEmpty else { throw VitvideoError.badData("it holds no graph") }
    }

    private mutating func readOperatorSet(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws {
        // OperatorSetIdProto: 1 domain, 2 version.
        var (domain, version) = ("", 0)
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            if field.number == 1, let content = field.content { domain = try fields.text(content) }
            if field.number == 2, let number = field.varint { version = Int(truncatingIfNeeded: number) }
        }
        if domain.isEmpty || domain == "ai.onnx" { operatorSet = version }
    }

    private mutating func readGraph(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ dataFiles: inout ONNXDataFiles
    ) throws {
        // GraphProto: 1 node, 5 initializer, 11 input, 12 output.
        var graph = ProtobufFields(bytes, range)
        while let field = try graph.next() {
            guard let content = field.content else { continue }
            switch field.number {
            case 1: nodes.append(try Self.node(bytes, content, &dataFiles))
            case 5:
                let initializer = try ONNXInitializer(bytes, content, dataFiles: &dataFiles)
                guard initializers.updateValue(initializer, forKey: initializer.name) == nil else {
                    throw VitvideoError.badData("two tensors are named \(quoted(initializer.name))")
                }
            case 11: inputs.append(try Self.input(bytes, content))
            case 12: outputs.append(try Self.input(bytes, content).name)
            default: break
            }
        }
    }

    private static func node(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ dataFiles: inout ONNXDataFiles
    ) throws -> ONNXGraph.Node {
        // NodeProto: 1 input, 2 output, 3 name, 4 op_type, 5 attribute, 7 domain.
        var texts: [Int: String] = [:]
        var (inputs, outputs) = ([String](), [String]())
        var attributes: [String: ONNXGraph.Attribute] = [:]
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            guard let content = field.content else { continue }
            switch field.number {
            case 1: inputs.append(try fields.text(content))
            case 2: outputs.append(try fields.text(content))
            case 3, 4, 7: texts[field.number] = try fields.text(content)
            case 5:
                let (name, value) = try attribute(bytes, content, &dataFiles)
                attributes[name] = value
            default: break
            }
        }
        let domain = texts[7] ?? ""
        return ONNXGraph.Node(
            operation: texts[4] ?? "", domain: domain == "ai.onnx" ? "" : domain, name: texts[3] ?? "",
            inputs: inputs, outputs: outputs, attributes: attributes)
    }

    private static func attribute(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ dataFiles: inout ONNXDataFiles
    ) throws -> (String, ONNXGraph.Attribute) {
        // AttributeProto: 1 name, 2 f, 3 i, 4 s, 5 t, 7 floats, 8 ints, 20 type: 1 float, 2 integer, 3 text, 4 tensor,
        // 6 floats, 7 integers.
        var (name, kind) = ("", 0)
        var (number, integer, text) = (Float(0), 0, "")
        var (numbers, integers) = ([Float](), [Int]())
        var tensor: Range<Int>?
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            switch (field.number, field.value) {
            case (1, .content(let content)): name = try fields.text(content)
            case (2, .bits32(let bits)): number = Float(bitPattern: bits)
            case (3, .varint(let value)): integer = Int(truncatingIfNeeded: value)
            case (4, .content(let content)):
                // Some texts are bytes that are none.
                text = String(validating: bytes[content], as: UTF8.self) ?? ""
            case (5, .content(let content)): tensor = content
            case (7, _): try fields.forEachBits32(in: field) { numbers.append(Float(bitPattern: $0)) }
            case (8, _): try fields.forEachVarint(in: field) { integers.append(Int(truncatingIfNeeded: $0)) }
            case (20, .varint(let value)): kind = Int(truncatingIfNeeded: value)
            default: break
            }
        }
        let value: ONNXGraph.Attribute =
            switch kind {
            case 1: .number(number)
            case 2: .integer(integer)
            case 3: .text(text)
            case 4:
                if let tensor {
                    .tensor(
                        try ONNXGraph.tensor(
                            ONNXInitializer(bytes, tensor, dataFiles: &dataFiles), bytes, dataFiles))
                } else {
                    .other
                }
            case 6: .numbers(numbers)
            case 7: .integers(integers)
            default: .other
            }
        return (name, value)
    }

    private static func input(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws -> ONNXGraph.Input
    {
        // ValueInfoProto: 1 name, 2 type. TypeProto: 1 tensor_type. Tensor: 2 shape. TensorShapeProto: 1 dim.
        // Dimension: 1 dim_value.
        var name = ""
        var sizes: [Int?] = []
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            guard let content = field.content else { continue }
            if field.number == 1 { name = try fields.text(content) }
            guard field.number == 2, let tensor = try part(1, bytes, content),
                let shape = try part(2, bytes, tensor)
            else { continue }
            var axes = ProtobufFields(bytes, shape)
            while let axis = try axes.next() {
                guard axis.number == 1, let content = axis.content else { continue }
                var size: Int?
                var parts = ProtobufFields(bytes, content)
                while let part = try parts.next() {
                    if part.number == 1, let value = part.varint { size = Int(truncatingIfNeeded: value) }
                }
                sizes.append(size)
            }
        }
        return ONNXGraph.Input(name: name, sizes: sizes)
    }

    /// The content of a field of a message; nil where it has none.
    private static func part(
        _ number: Int, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
    ) throws -> Range<Int>? {
        var fields = ProtobufFields(bytes, range)
        var result: Range<Int>?
        while let field = try fields.next() {
            if field.number == number, let content = field.content { result = content }
        }
        return result
    }
}
