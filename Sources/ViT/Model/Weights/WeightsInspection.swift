import Base
import Checkpoints

/// What is in a weights file and what it would be taken for, found out without computing anything.
package struct WeightsInspection: Sendable {
    /// Lines of text.
    package private(set) var lines: [String] = []
    package private(set) var notices: [ModelNotice] = []
    /// Why the file would be refused; nil where it would not.
    package private(set) var refusal: VitvideoError?

    /// - Parameters:
    ///   - checkpointKey: which of several models in the file.
    ///   - known: gives the published model whose file has this SHA-256.
    /// - Throws: `VitvideoError` where the file cannot be read at all.
    package init(
        _ path: String, told: ModelFacts = ModelFacts(), checkpointKey: String? = nil,
        known: (_ sha256: String) -> Model.Known? = { _ in nil }
    ) throws {
        let checkpoint = try Checkpoint.open(path)
        let candidates = BackboneSearch(checkpoint).candidates
        let contents = FileContents(checkpoint.names, isModel: !candidates.isEmpty)
        lines.append("\(FileName.shown(path)): \(checkpoint.format.rawValue), \(contents.text)")
        for candidate in candidates {
            lines.append("a Vision Transformer under \(quoted(candidate.name)), \(candidate.known) tensors")
        }
        do {
            let model = try Model.load(path, told: told, checkpointKey: checkpointKey, known: known)
            let c = model.configuration
            lines.append(
                "read as: \(c.depth) blocks, width \(c.width), patches of \(c.patchSize)"
                    + (c.registers > 0 ? ", \(c.registers) registers" : "")
                    + (c.classes > 0 ? ", \(c.classes) classes" : "") + ", \(model.reading)")
            lines.append("SHA-256 \(model.weightsHash)")
            notices = model.account.notices
        } catch let error as VitvideoError {
            refusal = error
        }
    }
}
