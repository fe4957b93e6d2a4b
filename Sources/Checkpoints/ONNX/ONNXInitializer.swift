import Base
import Files
import NumPy

/// One initializer of an ONNX graph: description, and where its values lie.
struct ONNXInitializer: Sendable {
    private enum Values: Sendable {
        /// Little-endian elements at this place in the file.
        case raw(Range<Int>)
        /// In the message's typed lists; it lies at this place in the file and is decoded again when asked for.
        case typed(message: Range<Int>)
        /// Little-endian elements at this place in one of the files beside the model.
        case beside(file: Int, Range<Int>)
    }

    let name: String
    let description: TensorDescription
    private let values: Values

    /// - Parameters:
    ///   - range: where the `TensorProto` lies in the file.
    ///   - dataFiles: the files beside the model, for values that lie there.
    /// - Throws: `VitvideoError` where it is malformed, its values are not as many as its shape says, or its type is
    ///   not read here; as `ONNXDataFiles.place`.
    init(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, dataFiles: inout ONNXDataFiles
    ) throws {
        let message = try ONNXTensorProto(bytes, range)
        let name = message.name
        guard let type = ElementType(onnx: message.dataType) else {
            throw VitvideoError.badData("initialiser \(quoted(name)) has the ONNX type \(message.dataType)")
        }
        self.name = name
        description = try TensorDescription(shape: message.dims, elementType: type)
        if message.isExternal {
            let place = try dataFiles.place(
                message.externalData, byteCount: description.byteCount,
                owner: "initialiser \(quoted(name))")
            values = .beside(file: place.file, place.range)
            return
        }
        let count: Int
        if let raw = message.rawData {
            values = .raw(raw)
            count = raw.count / type.byteCount
            guard raw.count % type.byteCount == 0 else {
                throw VitvideoError.badData(
                    "initialiser \(quoted(name)) of \(description) has \(raw.count) bytes")
            }
        } else {
            values = .typed(message: range)
            count =
                switch type {
                case .float32: message.floatData.count
                case .float64: message.doubleData.count
                // Their lists are not read.
                case .int64, .uint64, .uint32: description.elementCount
                default: message.int32Data.count
                }
        }
        guard count == description.elementCount else {
            throw VitvideoError.badData("initialiser \(quoted(name)) of \(description) has \(count) values")
        }
    }

    /// The values as Float32, row-major.
    ///
    /// - Parameter dataFiles: the files beside the model.
    /// - Throws: `VitvideoError` where they are integers.
    func floats(_ bytes: UnsafeRawBufferPointer, dataFiles: ONNXDataFiles) throws -> [Float] {
        let type = description.elementType
        switch values {
        case .raw(let range): return try type.floats(UnsafeRawBufferPointer(rebasing: bytes[range]))
        case .beside(let file, let range):
            return try dataFiles.files[file].withBytesOnce {
                try type.floats(UnsafeRawBufferPointer(rebasing: $0[range]))
            }
        case .typed(let range):
            let message = try ONNXTensorProto(bytes, range)
            switch type {
            case .float32: return message.floatData
            case .float64: return message.doubleData.map { Float($0) }
            case .float16, .bfloat16:
                // Each 16-bit pattern lies in the low bits of an int32.
                return try message.int32Data.map { UInt16(truncatingIfNeeded: $0) }.withUnsafeBytes(
                    type.floats)
            default: throw VitvideoError.badData("it holds \(type), not floating-point numbers")
            }
        }
    }
}

extension ElementType {
    /// From ONNX's `TensorProto.DataType`; nil for text, complex numbers and types of 8 bits and fewer.
    init?(onnx code: Int32) {
        switch code {
        case 1: self = .float32
        case 2: self = .uint8
        case 3: self = .int8
        case 4: self = .uint16
        case 5: self = .int16
        case 6: self = .int32
        case 7: self = .int64
        case 9: self = .bool
        case 10: self = .float16
        case 11: self = .float64
        case 12: self = .uint32
        case 13: self = .uint64
        case 16: self = .bfloat16
        default: return nil
        }
    }
}
