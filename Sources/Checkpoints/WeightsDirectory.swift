import Base
import Files

/// A directory as Hugging Face's libraries write it, and as the model cache keeps imported models.
package enum WeightsDirectory {
    /// Files that hold the weights of a published directory, the first there is.
    package static let publishedNames = [
        "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
        "pytorch_model.bin.index.json", "open_clip_model.safetensors", "open_clip_pytorch_model.bin",
    ]
    private static let names = publishedNames + ["model.onnx", "model.npz"]

    /// Files beside the weights that tell what they are of, and those that a text model's tokenizer is made of.
    package static let companionNames = [
        "config.json", "preprocessor_config.json", "open_clip_config.json",
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt",
        "tokenizer.model", "spiece.model",
    ]

    /// What the weights are called in a directory of their own: as they are, if a directory's weights may
    /// have that name, else by their format.
    package static func name(of checkpoint: Checkpoint) -> String {
        let name = checkpoint.path.lastPathPart
        if names.contains(name) { return name }
        return switch checkpoint.format {
        case .safetensors: "model.safetensors"
        case .sharded: "model.safetensors.index.json"
        case .pyTorchZip, .pyTorchLegacy: "pytorch_model.bin"
        case .npz: "model.npz"
        case .onnx: "model.onnx"
        }
    }

    /// The file that holds a directory's weights; nil where there is none. A link without its target is none.
    package static func weights(in path: String) -> String? {
        let folder = path.hasSuffix("/") ? path : path + "/"
        return names.lazy.map { folder + $0 }.first(where: FileSystem.exists)
    }

    /// Whether a file, or the weights in a directory, are an ONNX model.
    ///
    /// - Throws: as `Checkpoint.open` for what cannot be opened.
    package static func isONNX(_ path: String) throws -> Bool { try ONNXGraph.isOne(file(at: path)) }

    /// Whether a file of weights is all there: of an index of several, whether each of them is beside it.
    package static func isWhole(_ path: String) -> Bool {
        guard isIndex(path) else { return FileSystem.exists(path) }
        guard let parts = try? parts(ofIndex: path) else { return false }
        return parts.allSatisfy { FileSystem.exists("\(path.parentPath)/\($0)") }
    }

    /// Whether a name is that of an index, and not of weights.
    package static func isIndex(_ path: String) -> Bool { path.hasSuffix(".index.json") }

    /// The names of the files that an index names, which lie beside it.
    ///
    /// - Throws: `VitvideoError` where the index cannot be read, is malformed or names files elsewhere.
    package static func parts(ofIndex path: String) throws -> [String] {
        try locating("read", path) { try ShardedTensors.files(in: ShardedTensors.map(path)) }
    }

    /// The file to read for a path: itself, or one in the directory that it is.
    ///
    /// - Throws: `VitvideoError` of kind `badData` for a directory without weights, naming what is in it.
    static func file(at path: String) throws -> String {
        guard FileSystem.isDirectory(path) else { return path }
        if let file = weights(in: path) { return file }
        let found = (FileSystem.names(in: path) ?? []).sorted()
        throw VitvideoError(
            .badData, cannot: "read", path: path,
            reason: "it is a directory without \(names[0]) or \(names[2])"
                + (found.isEmpty
                    ? "; it is empty"
                    : "; it holds " + found.prefix(6).map { quoted($0) }.joined(separator: ", ")),
            nextStep: found.isEmpty ? nil : .advice("name the file with the weights"))
    }
}
