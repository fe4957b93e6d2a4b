import Base
import Files

/// What weights need of ONNX's `TensorProto`.
/// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
struct ONNXTensorProto {
    private(set) var name = ""
    private(set) var dims: [Int] = []
    /// A `TensorProto.DataType`.
    private(set) var dataType: Int32 = 0
    /// Little-endian elements at this place in the file; nil where they are in the typed lists or beside the model.
    private(set) var rawData: Range<Int>?
    /// The typed lists.
    private(set) var floatData: [Float] = []
    private(set) var int32Data: [Int32] = []
    private(set) var int64Data: [Int64] = []
    private(set) var doubleData: [Double] = []
    /// Whether the values are in another file, which `externalData` says.
    private(set) var isExternal = false
    private(set) var externalData = ONNXExternalData()

    /// - Parameter range: where the message lies in the file.
    /// - Throws: `VitvideoError` where it is malformed.
    init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws {
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            switch field.number {
            case 1: try fields.forEachVarint(in: field) { dims.append(Int(truncatingIfNeeded: $0)) }
            case 2: if let type = field.varint { dataType = Int32(truncatingIfNeeded: type) }
            case 4: try fields.forEachBits32(in: field) { floatData.append(Float(bitPattern: $0)) }
            case 5: try fields.forEachVarint(in: field) { int32Data.append(Int32(truncatingIfNeeded: $0)) }
            case 7: try fields.forEachVarint(in: field) { int64Data.append(Int64(bitPattern: $0)) }
            case 8: if let content = field.content { name = try fields.text(content) }
            case 9: rawData = field.content ?? rawData
            case 10: try fields.forEachBits64(in: field) { doubleData.append(Double(bitPattern: $0)) }
            case 13: if let content = field.content { try externalData.add(bytes, content) }
            case 14: if let location = field.varint { isExternal = location != 0 }
            default: break
            }
        }
    }
}
