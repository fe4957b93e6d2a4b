import Base
import Files

/// What naming weights needs to know of a node: what it computes of what, and the PyTorch module it stands for.
struct ONNXNode {
    let operation: String
    let inputs: [String]
    let outputs: [String]
    /// The module's path as the new exporter notes it: "blocks.0.attn.qkv"; nil where nothing is noted.
    let module: String?
    /// The module's path as the old exporter writes it into the node's name, one part a module:
    /// `/blocks/blocks.0/attn/qkv/MatMul` gives "blocks", "blocks.0", "attn", "qkv".
    let scopes: [Substring]
    /// Whether a Gemm takes its second matrix as (out, in), which is how PyTorch keeps a weight.
    let transposesSecond: Bool
    /// Whether a Gelu is computed by tanh.
    let isByTanh: Bool

    /// - Parameter range: where the `NodeProto` lies in the file.
    /// - Throws: `VitvideoError` where it is malformed.
    init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws {
        // NodeProto: 1 input, 2 output, 3 name, 4 op_type, 5 attribute, 9 metadata_props.
        var (operation, name) = ("", "")
        var (inputs, outputs): ([String], [String]) = ([], [])
        var module: String?
        var (hasTransB, hasTanh) = (false, false)
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            guard let content = field.content else { continue }
            switch field.number {
            case 1: inputs.append(try fields.text(content))
            case 2: outputs.append(try fields.text(content))
            case 3: name = try fields.text(content)
            case 4: operation = try fields.text(content)
            case 5:
                if try Self.isSet("transB", bytes, content) { hasTransB = true }
                if try Self.text(of: "approximate", bytes, content) == "tanh" { hasTanh = true }
            case 9: module = try Self.module(bytes, content) ?? module
            default: break
            }
        }
        self.operation = operation
        self.inputs = inputs
        self.outputs = outputs
        self.module = module
        scopes = name.split(separator: "/").dropLast()
        transposesSecond = operation == "Gemm" && hasTransB
        isByTanh = operation == "Gelu" && hasTanh
    }

    /// The text of an `AttributeProto` (1 name, 4 text) of this name.
    private static func text(
        of name: String, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
    ) throws -> String? {
        var isNamed = false
        var text: Range<Int>?
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            guard let content = field.content else { continue }
            if field.number == 1 { isNamed = bytes[content].elementsEqual(name.utf8) }
            if field.number == 4 { text = content }
        }
        guard isNamed, let text else { return nil }
        return try fields.text(text)
    }

    /// Whether an `AttributeProto` (1 name, 3 integer) has this name and is not 0.
    private static func isSet(
        _ name: String, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
    ) throws -> Bool {
        var (isNamed, isSet) = (false, false)
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            if field.number == 1, let content = field.content {
                isNamed = bytes[content].elementsEqual(name.utf8)
            } else if field.number == 3, let value = field.varint {
                isSet = value != 0
            }
        }
        return isNamed && isSet
    }

    /// The module in a `StringStringEntryProto` (1 key, 2 value) whose value is a Python list of the modules from the
    /// outermost inwards, and last the operation: `['', 'blocks.0', 'blocks.0.attn', 'linear']`.
    private static func module(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws -> String? {
        var isNamed = false
        var value: Range<Int>?
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            guard let content = field.content else { continue }
            if field.number == 1 { isNamed = bytes[content].elementsEqual("pkg.torch.onnx.name_scopes".utf8) }
            if field.number == 2 { value = content }
        }
        guard isNamed, let value else { return nil }
        let parts = try fields.text(value).split(separator: "'")
            .filter { !["[", "]", ", ", ", , "].contains($0) }
        return parts.count < 2 ? nil : String(parts[parts.count - 2])
    }
}
