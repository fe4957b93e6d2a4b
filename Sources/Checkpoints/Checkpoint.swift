import Base
import Files
import NumPy

/// A weights file as named tensors. Formats are told apart by content, never by the file's name; names of tensors
/// are those in the file (ONNX: of the module that owns the weight), and mapping them to an architecture is the
/// reader's business.
///
/// Opening reads names and shapes only. Every size and offset in the file is checked before anything is allocated
/// for it; nothing in a file is ever executed.
package struct Checkpoint: Sendable {
    /// The file formats that are read.
    package enum Format: String, Sendable, Equatable {
        /// Hugging Face safetensors.
        case safetensors
        /// PyTorch's zip archive, written by `torch.save` since 1.6.
        case pyTorchZip = "PyTorch (zip)"
        /// PyTorch's format before 1.6: consecutive pickles, then the storages.
        case pyTorchLegacy = "PyTorch (legacy)"
        /// A NumPy archive, as the JAX models are published.
        case npz = "NumPy npz"
        /// ONNX: the initializers of the graph.
        case onnx = "ONNX"
        /// Several files of the formats above, and an index that says what is where.
        case sharded = "several files"
    }

    /// The file that was opened, in the directory that was named; of several files their index.
    package let path: String
    /// All files that the tensors are in, and the index; of an ONNX model also those beside it.
    package let files: [String]
    package let format: Format
    /// Names of the tensors in the file's order, unique. Of a PyTorch file all tensors are here, the keys on the way
    /// to them joined by dots.
    package let names: [String]
    /// safetensors' `__metadata__`; for ONNX the producer, `activation` where the graph has one kind, and
    /// `folded_positions` where the position table may be resampled; else empty.
    package let metadata: [String: String]

    private let source: any TensorSource
    private let indices: [String: Int]

    /// Opens a weights file, the index of several, or a directory as Hugging Face's libraries write it.
    ///
    /// - Throws: `VitvideoError` of kind `noInput` where the file cannot be opened; `badData` for other formats and
    ///   for everything damaged or contradictory.
    package static func open(_ path: String) throws -> Checkpoint {
        let path = try WeightsDirectory.file(at: path)
        if WeightsDirectory.isIndex(path) {
            return try locating("read", path) {
                let source = try ShardedTensors(index: path)
                return try Checkpoint(path, .sharded, source, files: [path] + source.paths)
            }
        }
        let file = try MappedFile.open(path)
        return try locating("read", path) {
            let format = try FormatSniffer.format(of: file)
            switch format {
            case .safetensors:
                return try Checkpoint(path, format, SafetensorsFile(file))
            case .npz:
                return try Checkpoint(path, format, NPZTensors(NPZReader(archive: ZipArchive.open(path))))
            case .onnx:
                let source = try ONNXFile(file)
                return try Checkpoint(path, format, source, files: [path] + source.dataPaths)
            case .pyTorchZip:
                return try Checkpoint(path, format, PyTorchFile(archive: ZipArchive.open(path)))
            case .sharded: preconditionFailure("a file's content is never several files")
            case .pyTorchLegacy:
                return try Checkpoint(path, format, PyTorchFile(legacy: file))
            }
        }
    }

    private init(
        _ path: String, _ format: Format, _ source: some TensorSource,
        files: [String]? = nil
    ) throws {
        self.path = path
        self.files = files ?? [path]
        self.format = format
        self.source = source
        names = source.tensors.map(\.name)
        metadata = source.metadata
        var indices = [String: Int](minimumCapacity: names.count)
        for (index, name) in names.enumerated() {
            guard indices.updateValue(index, forKey: name) == nil else {
                throw VitvideoError.badData("two tensors are named \(quoted(name))")
            }
        }
        self.indices = indices
    }

    /// Shape and type of a tensor; nil where there is none of that name.
    package subscript(name: String) -> TensorDescription? {
        indices[name].map { source.tensors[$0].description }
    }

    /// A tensor's values, row-major, as Float32; Float16 and BFloat16 convert exactly, Float64 is rounded.
    /// Thread-safe.
    /// - Throws: `VitvideoError` where there is no such tensor, it does not hold floating-point numbers, or the
    ///   file is damaged.
    package func floats(_ name: String) throws -> [Float] {
        try locating("read tensor \(quoted(name)) of", path) { try source.floats(tensorIndex(name)) }
    }

    /// How to write an ONNX file whose weights have their names; nil where all have, and for other formats.
    package var exportAdvice: String? {
        guard format == .onnx,
            source.tensors.contains(where: {
                $0.description.elementCount > 1 && ONNXNames.isMadeUp($0.name)
                    && !ONNXEmbeddings.ownNames.contains($0.name)
            })
        else { return nil }
        return #"export it again with torch.onnx.export(model, x, "model.onnx", dynamo=True, optimize=False)"#
    }

    private func tensorIndex(_ name: String) throws -> Int {
        guard let index = indices[name] else { throw VitvideoError.badData("there is no such tensor") }
        return index
    }
}
