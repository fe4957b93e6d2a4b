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
                case .int64: message.int64Data.count
                // Their list is not read.
                case .uint64, .uint32: description.elementCount
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

    /// The values as integers, row-major; truth values are 0 and 1.
    ///
    /// - Parameter dataFiles: the files beside the model.
    /// - Throws: `VitvideoError` where they are none.
    func integers(_ bytes: UnsafeRawBufferPointer, dataFiles: ONNXDataFiles) throws -> [Int] {
        let type = description.elementType
        switch values {
        case .raw(let range): return try type.integers(UnsafeRawBufferPointer(rebasing: bytes[range]))
        case .beside(let file, let range):
            return try dataFiles.files[file].withBytesOnce {
                try type.integers(UnsafeRawBufferPointer(rebasing: $0[range]))
            }
        case .typed(let range):
            let message = try ONNXTensorProto(bytes, range)
            switch type {
            case .int64: return message.int64Data.map { Int($0) }
            case .int32, .int16, .int8, .uint16, .uint8, .bool: return message.int32Data.map { Int($0) }
            default: throw VitvideoError.badData("it holds \(type), not integers")
            }
        }
    }
}

extension ElementType {
    /// Little-endian integers; truth values are 0 and 1.
    ///
    /// - Throws: `VitvideoError` where the type is none of integers.
    func integers(_ bytes: UnsafeRawBufferPointer) throws -> [Int] {
        func read<Number: FixedWidthInteger>(_: Number.Type) -> [Int] {
            stride(from: 0, to: bytes.count, by: MemoryLayout<Number>.size).map {
                Int(
                    truncatingIfNeeded: Number(
                        littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: Number.self)))
            }
        }
        switch self {
        case .int64: return read(Int64.self)
        case .int32: return read(Int32.self)
        case .int16: return read(Int16.self)
        case .int8: return read(Int8.self)
        case .uint64: return read(UInt64.self)
        case .uint32: return read(UInt32.self)
        case .uint16: return read(UInt16.self)
        case .uint8, .bool: return read(UInt8.self)
        default: throw VitvideoError.badData("it holds \(self), not integers")
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
