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
        let message: ONNXNodeProto = try decodeProtobuf(UnsafeRawBufferPointer(rebasing: bytes[range]))
        operation = message.opType
        inputs = message.input
        outputs = message.output
        scopes = message.name.split(separator: "/").dropLast()

        // NodeProto: 5 attribute, 9 metadata_props.
        var module: String?
        var (transposesSecond, isByTanh) = (false, false)
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            guard let content = field.content else { continue }
            switch field.number {
            case 5 where operation == "Gemm":
                if try Self.isSet("transB", bytes, content) { transposesSecond = true }
            case 5 where operation == "Gelu":
                if try Self.text(of: "approximate", bytes, content) == "tanh" { isByTanh = true }
            case 9: module = try Self.module(bytes, content) ?? module
            default: break
            }
        }
        self.module = module
        self.transposesSecond = transposesSecond
        self.isByTanh = isByTanh
    }

    /// The text of an `AttributeProto` (1 name, 4 text) of this name.
    private static func text(
        of name: String, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
    ) throws -> String? {
        var isNamed = false
        var text: String?
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            guard let content = field.content else { continue }
            if field.number == 1 { isNamed = bytes[content].elementsEqual(name.utf8) }
            if field.number == 4 { text = String(decoding: bytes[content], as: UTF8.self) }
        }
        return isNamed ? text : nil
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
            } else if field.number == 3, let value = field.value {
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
        let parts = String(decoding: bytes[value], as: UTF8.self).split(separator: "'")
            .filter { !["[", "]", ", ", ", , "].contains($0) }
        return parts.count < 2 ? nil : String(parts[parts.count - 2])
    }
}
