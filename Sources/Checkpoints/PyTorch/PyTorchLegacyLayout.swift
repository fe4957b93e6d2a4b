import Base
import Files

/// PyTorch's format before 1.6: five pickles in a row (magic number, protocol version, facts about the machine, the
/// object, the keys of its storages), then for each key the count of elements as int64 and the elements.
/// https://github.com/pytorch/pytorch/blob/main/torch/serialization.py (`_legacy_save`)
struct PyTorchLegacyLayout {
    let value: PickleValue
    let heap: PickleHeap
    /// Where the bytes of each storage lie in the file, by key.
    let storages: [String: Range<Int>]

    /// The first pickle: the integer 0x1950a86a20f9469cfc6c in protocol 2.
    static let signature: [UInt8] = [
        0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
    ]

    /// - Throws: `VitvideoError` as `Unpickler`, and where storages reach beyond the file or contradict the pickle.
    init(_ bytes: UnsafeRawBufferPointer) throws {
        let version = try Unpickler.load(bytes, at: Self.signature.count)
        guard version.value == .int(1001) else {
            throw VitvideoError.badData("it is of an unknown version of PyTorch's legacy format")
        }
        let system = try Unpickler.load(bytes, at: version.end)
        if case .dictionary(let facts) = system.value {
            let isLittleEndian = system.heap.dictionaries[facts].last { $0.key == .string("little_endian") }
            guard isLittleEndian?.value != .bool(false) else {
                throw VitvideoError.badData("it is not little-endian")
            }
        }
        let object = try Unpickler.load(bytes, at: system.end)
        value = object.value
        heap = object.heap

        let keys = try Unpickler.load(bytes, at: object.end)
        var sizes: [String: (elements: Int, bytes: Int)] = [:]
        for storage in heap.storages { sizes[storage.key] = (storage.elementCount, try storage.byteCount()) }
        var storages: [String: Range<Int>] = [:]
        var cursor = ByteCursor(bytes, at: keys.end)
        for item in keys.heap.items(keys.value) ?? [] {
            guard case .string(let key) = item, let size = sizes[key] else {
                throw VitvideoError.badData("it has a storage that no tensor refers to")
            }
            let count = try cursor.littleEndian(Int64.self)
            guard count == Int64(size.elements) else {
                throw VitvideoError.badData(
                    "storage \(quoted(key)) has \(count) elements, not \(size.elements)")
            }
            guard storages[key] == nil else {
                throw VitvideoError.badData("storage \(quoted(key)) comes twice")
            }
            guard size.bytes <= cursor.remaining else {
                throw VitvideoError.badData(
                    "storage \(quoted(key)) of \(size.bytes) bytes reaches beyond the end",
                    nextStep: "the file is cut short or damaged: get it again")
            }
            storages[key] = cursor.position..<(cursor.position + size.bytes)
            _ = try cursor.take(size.bytes)
        }
        self.storages = storages
    }
}
