import Base
import Checkpoints

/// Finds the Vision Transformers in a checkpoint by the tensors that every one has, under whatever keys and
/// prefixes they lie, and prefers one.
struct BackboneSearch {
    /// A set of tensors that looks like a Vision Transformer.
    struct Candidate: Sendable {
        let table: NameTable
        /// What stands before the model's own names, with the separator: "teacher.backbone."; empty for nothing.
        let prefix: String
        /// How many of the tensors the table knows.
        let known: Int
        let preference: Preference

        /// The prefix as one names it: "teacher.backbone".
        var name: String { prefix.isEmpty ? "the top" : String(prefix.dropLast()) }
    }

    /// Which of several models in a file is meant if nobody says.
    enum Preference: Int, Sendable, Comparable {
        /// An average over the training's steps, which timm takes first.
        case average
        /// The network that others learn from, which DINO, iBOT and I-JEPA publish.
        case teacher
        case plain
        /// A network whose twin is the one that is used: DINO's student, MoCo's momentum encoder.
        case twin
        /// What an optimizer keeps of a model.
        case bookkeeping

        static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

        init(ofPrefix prefix: String) {
            let parts = prefix.lowercased().split { $0 == "." || $0 == "/" }.map(String.init)
            let words = Set(parts.flatMap { $0.split(separator: "_").map(String.init) })
            func has(_ names: String...) -> Bool {
                names.contains { words.contains($0) || parts.contains($0) }
            }
            self =
                if has("optimizer", "optim", "optimizers", "optimizer_states") {
                    .bookkeeping
                } else if has("ema", "averaged", "swa", "shadow") {
                    .average
                } else if has("teacher", "target_encoder") {
                    .teacher
                } else if has("student", "momentum", "encoder_k", "target") {
                    .twin
                } else {
                    .plain
                }
        }
    }

    /// The best first; of equals the one that comes first in the file.
    let candidates: [Candidate]

    private static let tables: [NameTable] = [
        .torch, .clip, .huggingFaceViT, .huggingFaceDinov2, .huggingFaceDinov3, .huggingFaceBEiT,
        .huggingFaceCLIP, .jax,
    ]
    /// No training checkpoint holds more models; bounds the work that a file of anchors alone asks for.
    private static let mostPrefixes = 32

    init(_ checkpoint: Checkpoint) {
        var found: [Candidate] = []
        for prefix in BackboneSearch.prefixes(in: checkpoint.names) {
            guard let (table, known) = BackboneSearch.table(for: prefix, in: checkpoint) else { continue }
            found.append(
                Candidate(
                    table: table, prefix: prefix, known: known, preference: Preference(ofPrefix: prefix)))
        }
        candidates = found.enumerated().sorted { a, b in
            (a.element.preference, -a.element.known, a.offset)
                < (b.element.preference, -b.element.known, b.offset)
        }.map(\.element)
    }

    /// What stands before an anchor of some table, in the file's order.
    private static func prefixes(in names: [String]) -> [String] {
        let anchors = tables.flatMap(\.anchors)
        var prefixes: [String] = []
        for name in names {
            for anchor in anchors where name.hasSuffix(anchor) {
                let prefix = String(name.dropLast(anchor.count))
                guard prefix.isEmpty || prefix.hasSuffix(".") || prefix.hasSuffix("/"),
                    !prefixes.contains(prefix)
                else { continue }
                prefixes.append(prefix)
                if prefixes.count == mostPrefixes { return prefixes }
            }
        }
        return prefixes
    }

    /// The table that knows most of the names under the prefix, if they make up a model.
    private static func table(
        for prefix: String, in checkpoint: Checkpoint
    ) -> (table: NameTable, known: Int)? {
        let names = checkpoint.names.filter { $0.hasPrefix(prefix) }.map {
            String($0.dropFirst(prefix.count))
        }
        var best: (table: NameTable, known: Int)?
        for table in tables {
            let targets = names.compactMap { table.rule(for: $0)?.target }
            guard targets.contains("patch_embed.proj.weight"), targets.contains("blocks.0.norm1.weight")
            else { continue }
            if targets.count > best?.known ?? 0 { best = (table, targets.count) }
        }
        guard let best else { return nil }
        return (gatedTable(of: best.table, prefix, checkpoint) ?? best.table, best.known)
    }

    /// The table for a model with SwiGLU, where that calls other layers what a plain one's are called.
    private static func gatedTable(
        of table: NameTable, _ prefix: String, _ checkpoint: Checkpoint
    ) -> NameTable? {
        let names = checkpoint.names.filter { $0.hasPrefix(prefix) }
        switch table.dialect {
        case .torch:
            if names.contains(prefix + "blocks.0.mlp.fc1_g.weight") { return .timmGated }
            // Only the sizes differ.
            guard let fc1 = checkpoint[prefix + "blocks.0.mlp.fc1.weight"]?.shape.first,
                let fc2 = checkpoint[prefix + "blocks.0.mlp.fc2.weight"]?.shape.last, fc1 == 2 * fc2
            else { return nil }
            return .timmGated
        case .huggingFaceDinov3:
            return names.contains { $0.hasSuffix("layer.0.mlp.gate_proj.weight") }
                ? .huggingFaceDinov3Gated : nil
        case .clip, .huggingFaceCLIP, .huggingFaceViT, .huggingFaceDinov2, .huggingFaceBEiT, .jax:
            return nil
        }
    }

    // MARK: Choosing

    /// The candidate that is meant.
    ///
    /// - Parameter key: a prefix, or a part of one between dots; nil for the preferred one.
    /// - Throws: `VitvideoError` where there is none under `key`.
    func chosen(key: String?) throws -> Candidate? {
        guard let key else { return candidates.first }
        let wanted = ".\(key)."
        if let found = candidates.first(where: {
            ".\($0.prefix.replacing("/", with: "."))".contains(wanted)
        }) {
            return found
        }
        let names = candidates.map { quoted($0.name) }.joined(separator: ", ")
        throw VitvideoError(
            .badData,
            reason: "it has no model under \(quoted(key)); "
                + (candidates.isEmpty ? "it has none at all" : "it has one under \(names)"))
    }

    /// That there were others, and which was taken; nil where there is no choice.
    func notice(of chosen: Candidate) -> ModelNotice? {
        let others = candidates.filter { $0.prefix != chosen.prefix && $0.preference != .bookkeeping }
        guard !others.isEmpty else { return nil }
        let names = others.prefix(4).map { quoted($0.name) }.joined(separator: ", ")
        return ModelNotice(
            "the file holds several models; \(quoted(chosen.name)) is taken, left are \(names)"
                + (others.count > 4 ? " and \(others.count - 4) more" : ""),
            nextStep: .tellModel([.checkpointKey]))
    }
}
