import Base
import Checkpoints
import Glibc

/// A text tower's tensors under their canonical names, and what joins it to the vision tower.
struct TextTensors: Sendable {
    private let checkpoint: Checkpoint
    /// What stands before the whole model's names.
    private let root: String
    /// In the order in which they are stacked.
    private let sources: [String: [TensorSource]]
    /// Names within the tower, or between it and the vision tower's, that the tables do not know: the model is another.
    let unexpected: [String]

    /// Nil where there is no text tower.
    init?(_ checkpoint: Checkpoint, besideVision prefix: String) {
        guard let root = TextNames.root(ofVision: prefix) else { return nil }
        var best: [String: [TensorSource]] = [:]
        for table in TextNames.tables {
            var sources: [String: [TensorSource]] = [:]
            for full in checkpoint.names where full.hasPrefix(root) {
                guard let (rule, target) = table.rule(for: String(full.dropFirst(root.count))),
                    let source = TensorSource(full, part: rule.part, order: rule.order, in: checkpoint)
                else { continue }
                sources[target, default: []].append(source)
            }
            if sources.count > best.count { best = sources }
        }
        guard best["token_embedding"] != nil else { return nil }
        self.checkpoint = checkpoint
        self.root = root
        sources = best.mapValues { $0.sorted { $0.part < $1.part } }
        let known = Set(best.values.joined().map(\.name)).union(Self.beside.map { root + $0.name })
        unexpected = checkpoint.names.filter { full in
            guard full.hasPrefix(root), !known.contains(full) else { return false }
            let name = full.dropFirst(root.count)
            return Self.inside.contains(where: name.hasPrefix)
                && !Self.constants.contains(where: name.hasSuffix)
        }
    }

    /// What begins the names of all that takes part in what is computed.
    private static let inside = ["text.", "text_model.", "transformer.", "visual.head."]
    /// Numbers and masks that the code makes itself.
    private static let constants = ["position_ids", "attn_mask"]
    /// Layers from the vision tower's feature to the texts' space.
    private static let beside: [(name: String, order: AxisOrder)] = [
        // OpenAI keeps it the other way round.
        ("visual.proj", AxisOrder([1], [0])),
        ("visual_projection.weight", AxisOrder([0], [1])),
        // OpenCLIP's of timm's towers.
        ("visual.head.proj.weight", AxisOrder([0], [1])),
    ]

    var depth: Int { (0...).first { sources["blocks.\($0).norm1.weight"] == nil } ?? 0 }

    func shape(_ name: String) -> [Int]? { sources[name]?.stackedShape }

    /// - Throws: `VitvideoError`.
    func values(_ name: String) throws -> [Float] {
        try (sources[name] ?? []).flatMap { try $0.values(in: checkpoint) }
    }

    func problem(_ problems: [String]) -> VitvideoError {
        .weightsDoNotFit(path: checkpoint.path, problems: problems)
    }

    // MARK: Beside the tower

    /// The layer from the vision tower's feature to the texts' space, outputs × inputs; nil where there is none.
    func imageProjection() throws -> (weight: [Float], shape: [Int])? {
        for (name, order) in Self.beside {
            guard let source = TensorSource(root + name, order: order, in: checkpoint),
                let shape = order.shape(of: source.stored)
            else { continue }
            return (try source.values(in: checkpoint), shape)
        }
        return nil
    }

    func scaleAndBias() throws -> (scale: Float, bias: Float) {
        func number(_ name: String) throws -> Float? {
            checkpoint[root + name] == nil ? nil : try checkpoint.finiteFloats(root + name).first
        }
        guard let scale = try number("logit_scale") else {
            throw problem(["missing \(root)logit_scale"])
        }
        return (exp(scale), try number("logit_bias") ?? 0)
    }
}
