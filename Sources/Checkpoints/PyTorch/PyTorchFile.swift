import Base
import Files
import NumPy

/// A file written by `torch.save`, in either of its formats, or by `torch.jit.save`: the objects of a TorchScript
/// program hold its tensors as those of any other pickle do, and its code is not looked at.
struct PyTorchFile: TensorSource {
    /// Where the bytes of storages lie.
    private enum Bytes: Sendable {
        case archive(ZipArchive, entries: [String: ZipArchive.Entry])
        /// Offsets of storages in the mapped file by key.
        case mapped(MappedFile, offsets: [String: Int])
    }

    let tensors: [(name: String, description: TensorDescription)]
    private let parts: [(storage: PickledStorage, tensor: PickledTensor)]
    private let bytes: Bytes

    /// Reads the zip format: `<name>/data.pkl`, and each storage as `<name>/data/<key>`.
    /// - Throws: `VitvideoError` as `Unpickler` and `TensorTree`, and where storages are missing, have another
    ///   size than the pickle says, or are big-endian.
    init(archive: ZipArchive) throws {
        let entries = Dictionary(archive.entries.map { ($0.name, $0) }) { first, _ in first }
        guard
            let pickle = archive.entries.first(where: {
                $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl")
            })
        else { throw VitvideoError.badData("it has no data.pkl") }
        let prefix = pickle.name.dropLast("data.pkl".count)
        if let byteOrder = entries[prefix + "byteorder"] {
            guard byteOrder.byteCount == 6, try archive.read(byteOrder).elementsEqual("little".utf8) else {
                throw VitvideoError.badData("it is not little-endian")
            }
        }
        let (value, heap, _) = try archive.read(pickle).withUnsafeBytes { try Unpickler.load($0) }
        var storageEntries: [String: ZipArchive.Entry] = [:]
        for storage in heap.storages where storageEntries[storage.key] == nil {
            storageEntries[storage.key] = entries["\(prefix)data/\(storage.key)"]
        }
        // One that was frozen has its weights as constants of its code.
        guard !heap.tensors.isEmpty || entries[prefix + "constants.pkl"] == nil else {
            throw VitvideoError.badData(
                "it is a TorchScript program without weights under their names, as frozen ones are",
                nextStep: "save the model's state_dict() instead")
        }
        try self.init(
            TensorTree(value, heap).tensors, heap, .archive(archive, entries: storageEntries),
            fileByteCount: archive.fileByteCount
        ) { storage in
            guard let entry = storageEntries[storage.key] else {
                throw VitvideoError.badData("storage \(quoted(storage.key)) is missing")
            }
            return entry.byteCount
        }
    }

    /// Reads the format before PyTorch 1.6; see `PyTorchLegacyLayout`.
    /// - Throws: as the other initializer.
    init(legacy file: MappedFile) throws {
        let layout = try file.withBytes { try PyTorchLegacyLayout($0) }
        try self.init(
            TensorTree(layout.value, layout.heap).tensors, layout.heap,
            .mapped(file, offsets: layout.storages.mapValues(\.lowerBound)), fileByteCount: file.count
        ) { storage in
            guard let range = layout.storages[storage.key] else {
                throw VitvideoError.badData("storage \(quoted(storage.key)) is missing")
            }
            return range.count
        }
    }

    private init(
        _ named: [(name: String, tensor: PickledTensor)], _ heap: PickleHeap, _ bytes: Bytes,
        fileByteCount: Int,
        actualByteCount: (PickledStorage) throws -> Int
    ) throws {
        for (name, tensor) in named {
            let storage = heap.storages[tensor.storage]
            guard try storage.byteCount() == actualByteCount(storage) else {
                throw VitvideoError.badData(
                    "the storage of tensor \(quoted(name)) has \(try actualByteCount(storage)) bytes, "
                        + "not \(try storage.byteCount())",
                    nextStep: "the file is cut short or damaged: get it again")
            }
            // With strides of 0 a single number can pass for a tensor of any size.
            guard tensor.description.elementCount <= fileByteCount else {
                throw VitvideoError.badData(
                    "tensor \(quoted(name)) of \(tensor.description) is larger than the file")
            }
        }
        tensors = named.map { ($0.name, $0.tensor.description) }
        parts = named.map { (heap.storages[$0.tensor.storage], $0.tensor) }
        self.bytes = bytes
    }

    func floats(_ index: Int) throws -> [Float] {
        let (storage, tensor) = parts[index]
        let range = Self.byteRange(storage, tensor)
        switch bytes {
        case .archive(let archive, let entries):
            guard let entry = entries[storage.key] else {
                throw VitvideoError.badData("its storage is missing")
            }
            return try archive.read(entry, range).withUnsafeBytes { try Self.floats($0, tensor) }
        case .mapped(let file, let offsets):
            guard let offset = offsets[storage.key] else {
                throw VitvideoError.badData("its storage is missing")
            }
            return try file.withBytesOnce { bytes in
                let start = offset + range.lowerBound
                return try Self.floats(
                    UnsafeRawBufferPointer(rebasing: bytes[start..<(start + range.count)]), tensor)
            }
        }
    }

    /// Where the tensor's elements lie in the storage.
    private static func byteRange(_ storage: PickledStorage, _ tensor: PickledTensor) -> Range<Int> {
        let size = tensor.description.elementType.byteCount
        let viewStart = storage.view.lowerBound * (storage.elementType?.byteCount ?? 1)
        let start = viewStart + tensor.layout.offset * size
        return start..<(start + tensor.layout.span * size)
    }

    private static func floats(_ bytes: UnsafeRawBufferPointer, _ tensor: PickledTensor) throws -> [Float] {
        let type = tensor.description.elementType
        if tensor.layout.isContiguous { return try type.floats(bytes) }
        return try tensor.layout.gathered(bytes, elementSize: type.byteCount).withUnsafeBytes {
            try type.floats($0)
        }
    }
}
