import Base
import Files
import Glibc

/// What `preprocessor_config.json`, `config.json` and `open_clip_config.json` beside a weights file say, as Hugging
/// Face's transformers, timm and OpenCLIP write them.
struct ConfigurationFiles {
    /// Facts of each file that has any, in the order of belief.
    private(set) var told: [ToldFacts] = []
    /// Files that were passed over, and why.
    private(set) var notices: [ModelNotice] = []

    /// Lists of class names make these files long; the longest published ones have some 2 MB.
    private static let longestFile = 16 << 20

    /// - Parameters:
    ///   - path: of the weights file.
    ///   - tensors: the model in it. A file that contradicts its shapes is of another model and is passed over.
    /// - Throws: `VitvideoError` where a file that is about this model asks for something that is not computed here.
    init(beside path: String, tensors: CanonicalTensors) throws {
        let directory = ConfigurationFiles.directory(of: path)
        for name in ["preprocessor_config.json", "config.json", "open_clip_config.json"] {
            let file = directory + "/" + name
            guard ConfigurationFiles.isOne(file) else { continue }
            guard let object = try? JSONValue(contentsOf: file, limit: ConfigurationFiles.longestFile),
                object.members != nil
            else {
                notices.append(ModelNotice("\(name) beside it is not a JSON object and is passed over"))
                continue
            }
            let values = ConfigurationValues(
                object, patchSize: tensors.shape("patch_embed.proj.weight")?.last)
            if let contradiction = values.contradiction(of: tensors) {
                notices.append(
                    ModelNotice("\(name) beside it is of another model (\(contradiction)) and is passed over")
                )
                continue
            }
            let facts = try locating("use", file) { try values.facts() }
            if facts != ModelFacts() { told.append(ToldFacts(facts, from: .file(name))) }
        }
    }

    /// Whether there is a file of a length that such a one may have.
    private static func isOne(_ file: String) -> Bool {
        var status = stat()
        return FileSystem.stat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            && status.st_size <= longestFile
    }

    /// Where the files lie: beside the weights; for a blob of Hugging Face's cache in the snapshot that links to it.
    static func directory(of path: String) -> String {
        let folder = path.parentPath
        guard folder.lastPathPart == "blobs" else { return folder }
        let snapshots = folder.parentPath + "/snapshots"
        for revision in (FileSystem.names(in: snapshots) ?? []).sorted() {
            let snapshot = "\(snapshots)/\(revision)"
            for name in FileSystem.names(in: snapshot) ?? []
            where FileSystem.readlink("\(snapshot)/\(name)")?.lastPathPart == path.lastPathPart {
                return snapshot
            }
        }
        return folder
    }
}
