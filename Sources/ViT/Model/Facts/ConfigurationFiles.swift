import Base
import Foundation

/// What `config.json` and `preprocessor_config.json` beside a weights file say, as Hugging Face's transformers and
/// timm write them.
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
        for name in ["preprocessor_config.json", "config.json"] {
            let file = directory + "/" + name
            guard let attributes = try? FileManager.default.attributesOfItem(atPath: file),
                let size = attributes[.size] as? Int, size <= ConfigurationFiles.longestFile,
                let data = FileManager.default.contents(atPath: file)
            else { continue }
            guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
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

    /// Where the files lie: beside the weights; for a blob of Hugging Face's cache in the snapshot that links to it.
    private static func directory(of path: String) -> String {
        let url = URL(fileURLWithPath: path)
        let folder = url.deletingLastPathComponent()
        guard folder.lastPathComponent == "blobs" else { return folder.path }
        let snapshots = folder.deletingLastPathComponent().appendingPathComponent("snapshots").path
        let files = FileManager.default
        for revision in ((try? files.contentsOfDirectory(atPath: snapshots)) ?? []).sorted() {
            let snapshot = "\(snapshots)/\(revision)"
            for name in (try? files.contentsOfDirectory(atPath: snapshot)) ?? [] {
                guard let target = try? files.destinationOfSymbolicLink(atPath: "\(snapshot)/\(name)") else {
                    continue
                }
                if target.hasSuffix("/" + url.lastPathComponent) { return snapshot }
            }
        }
        return folder.path
    }
}
