import Base
import Files

/// A directory as Hugging Face's libraries write it.
package enum WeightsDirectory {
    /// Files that hold the weights, the first there is.
    private static let names = [
        "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
        "pytorch_model.bin.index.json", "open_clip_model.safetensors", "open_clip_pytorch_model.bin",
    ]

    /// The file that holds a directory's weights; nil where there is none. A link without its target is none.
    package static func weights(in path: String) -> String? {
        let folder = path.hasSuffix("/") ? path : path + "/"
        return names.lazy.map { folder + $0 }.first(where: FileSystem.exists)
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
