import Base
import Checkpoints
import Files
import Glibc
import Graph
import ViT

extension ModelCache {
    /// Puts a model into the cache: a published one as the zoo's, any other under a name of its own, with the
    /// configurations and the tokenizer that lie beside its weights.
    ///
    /// - Parameters:
    ///   - path: a weights file, or a directory as Hugging Face's libraries write it.
    ///   - name: what to call the model; nil for the zoo's name or else that of the directory or file.
    ///   - published: gives the known model whose published file has this SHA-256.
    ///   - onNotice: called with what the user should know about how it will be read.
    /// - Throws: `VitvideoError` where it is no model that can be read, the name cannot be given to it or is
    ///   taken, and where the cache cannot be written.
    package func importModel(
        from path: String, name: String? = nil,
        published: (_ sha256: String) -> ModelZoo.Entry? = ModelZoo.entry(withHash:),
        onNotice: (ModelNotice) -> Void = { _ in }
    ) throws -> Location {
        let checkpoint = try Checkpoint.open(path)
        if name == nil, let entry = published(try checkpoint.contentHash()) {
            return try importWeights(from: path, as: entry, onNotice: onNotice)
        }
        let name = try importName(name ?? Self.importName(of: path))
        do {
            if checkpoint.format != .onnx, let other = try GraphModel.open(path) {
                other.notices.forEach(onNotice)
            } else {
                try Model.load(path, known: ModelZoo.published(withHash:)).account.notices.forEach(onNotice)
            }
        } catch let error as VitvideoError {
            // What the weights leave open is told when the model is used.
            guard case .tellModel = error.nextStep else { throw error }
            onNotice(ModelNotice(error.reason, nextStep: error.nextStep))
        }
        let target = self.path(of: .imported(name))
        try makeDirectory(importDirectory)
        let output = try AtomicDirectory(target, overwrite: false) { try Self.checkIsFree($0) }
        let folder = checkpoint.path.parentPath
        for file in checkpoint.files {
            try output.copy(
                file,
                to: file == checkpoint.path
                    ? WeightsDirectory.name(of: checkpoint) : String(file.dropFirst(folder.count + 1)))
        }
        for name in WeightsDirectory.companionNames
        where FileSystem.exists("\(folder)/\(name)") {
            try output.copy("\(folder)/\(name)", to: name)
        }
        try output.commit { try Self.checkIsFree($0) }
        return Location(path: target, origin: .imported)
    }

    // MARK: Names

    /// Letters, digits, `.`, `-` and `_`, no dot or dash at the beginning: what a list, a caption and a
    /// file's name can hold.
    static func isImportName(_ name: String) -> Bool {
        name.allSatisfy { $0.isLetter || $0.isNumber || "._-".contains($0) }
            && name.first.map { $0 != "." && $0 != "-" } == true
    }

    /// The name that a file or directory gives: its own, up to the ending.
    private static func importName(of path: String) -> String {
        if FileSystem.isDirectory(path) { return (FileSystem.realpath(path) ?? path).lastPathPart }
        let name = path.pathStem
        return WeightsDirectory.isIndex(path) ? name.pathStem.pathStem : name
    }

    private func importName(_ name: String) throws -> String {
        guard Self.isImportName(name) else {
            throw VitvideoError(
                .usage,
                reason: "\(quoted(name)) is no name for a model, which has letters, digits, '.', '-' and '_'",
                nextStep: .chooseImportName)
        }
        guard ModelZoo.find(name) == nil else {
            throw VitvideoError(
                .usage, reason: "'\(name)' is the name of a known model",
                nextStep: .importAsKnown(name))
        }
        try Self.checkIsFree(path(of: .imported(name)))
        return name
    }

    private static func checkIsFree(_ path: String) throws {
        var status = stat()
        guard FileSystem.lstat(path, &status) != 0 else {
            throw VitvideoError(
                .cannotCreate, cannot: "create", path: path, reason: "a model of this name is there already",
                nextStep: .chooseImportName)
        }
    }
}
