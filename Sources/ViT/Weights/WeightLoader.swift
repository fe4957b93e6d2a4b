import Checkpoints

/// Turns a checkpoint's tensors into weights, or says exactly what does not fit.
struct WeightLoader {
    /// A canonical tensor's sources, in the order they are stacked.
    private struct Source {
        let name: String
        let rule: NameTable.Rule
        var shape: [Int]
    }

    private let checkpoint: Checkpoint
    private var sources: [String: [Source]] = [:]
    private var unexpected: [String] = []

    /// Prefixes that training code and wrappers put before the model's own names.
    private static let wrappers = ["module.", "backbone.", "model.", "_orig_mod.", "dinov2."]

    init(_ checkpoint: Checkpoint) {
        self.checkpoint = checkpoint
        let wrapper = WeightLoader.wrapper(of: checkpoint.names)
        let inside = checkpoint.names.filter { $0.hasPrefix(wrapper) }
        let table = WeightLoader.table(for: inside.map { String($0.dropFirst(wrapper.count)) })
        for full in inside {
            let name = String(full.dropFirst(wrapper.count))
            guard let description = checkpoint[full], !table.ignores(name) else { continue }
            guard let (rule, block) = table.rule(for: name) else {
                unexpected.append(name)
                continue
            }
            let target = rule.target.replacing("#", with: block.map(String.init) ?? "#")
            sources[target, default: []].append(
                Source(name: full, rule: rule, shape: description.shape))
        }
        for name in sources.keys { sources[name]?.sort { $0.rule.part < $1.rule.part } }
    }

    /// The prefix before the class token's name, so that `module.backbone.cls_token` gives `module.backbone.`.
    /// Tensors outside it (a projection head beside the backbone) are not the model's.
    private static func wrapper(of names: [String]) -> String {
        let anchors = ["cls_token", "embeddings.cls_token"]
        for name in names {
            for anchor in anchors where name.hasSuffix(anchor) {
                var rest = name.dropLast(anchor.count)
                let wrapper = rest
                while let known = wrappers.first(where: { rest.hasPrefix($0) }) {
                    rest = rest.dropFirst(known.count)
                }
                if rest.isEmpty { return String(wrapper) }
            }
        }
        return ""
    }

    private static func table(for names: [String]) -> NameTable {
        names.contains { $0.hasPrefix("embeddings.") } ? .huggingFaceDinov2 : .torch
    }

    /// The shape of a canonical tensor as it would be assembled; nil where the checkpoint has none.
    private func shape(_ name: String) -> [Int]? {
        guard let parts = sources[name], var shape = parts.first?.shape else { return nil }
        if parts.count > 1, !shape.isEmpty { shape[0] = parts.reduce(0) { $0 + ($1.shape.first ?? 0) } }
        return shape
    }

    // MARK: Architecture

    /// Reads the architecture off the tensors' shapes.
    ///
    /// - Parameter heads: number of heads; nil for heads of 64, as all published families have.
    /// - Throws: `ModelError.weightsDoNotFit` naming what is missing to tell the architecture.
    func inferConfiguration(heads: Int?, family: Configuration.Family?) throws -> Configuration {
        guard let token = shape("cls_token"), token.count == 3, let width = token.last,
            let patch = shape("patch_embed.proj.weight"), patch.count == 4, let side = patch.last,
            let table = shape("pos_embed"), table.count == 3
        else {
            throw problem([
                "no class token, patch embedding or position table of a known family: is this a ViT checkpoint?"
            ])
        }
        let distilled = shape("dist_token") != nil
        let registers = shape("register_tokens").map { $0.count == 3 ? $0[1] : 0 } ?? 0
        let layerScale = shape("blocks.0.ls1.gamma") != nil
        let depth = (0...).first { shape("blocks.\($0).norm1.weight") == nil } ?? 0
        let gated = shape("blocks.0.mlp.w12.weight")
        let hidden = gated.map { $0[0] / 2 } ?? shape("blocks.0.mlp.fc1.weight")?.first ?? 4 * width
        let positions = table[1] - (distilled ? 2 : 1)
        let grid = Int(Double(max(positions, 0)).squareRoot().rounded())
        guard grid * grid == positions else {
            throw problem(["pos_embed holds \(positions) patch positions, which is not a square grid"])
        }
        let heads = heads ?? width / 64
        guard heads > 0, width % heads == 0 else {
            throw problem(["a width of \(width) does not divide into heads of 64; give --num-heads"])
        }
        let classes = shape("head.weight")?.first ?? 0
        return Configuration(
            family: family
                ?? Self.guessFamily(
                    registers: registers, layerScale: layerScale, distilled: distilled, classes: classes),
            patchSize: side, width: width, depth: depth, heads: heads, feedForwardWidth: hidden,
            feedForward: gated == nil ? .gelu : .swiglu, registers: registers,
            hasDistillationToken: distilled, hasLayerScale: layerScale, nativeRows: grid,
            nativeColumns: grid, classes: classes)
    }

    private static func guessFamily(
        registers: Int, layerScale: Bool, distilled: Bool, classes: Int
    ) -> Configuration.Family {
        if registers > 0 { return .dinov2Registers }
        if layerScale { return .dinov2 }
        if distilled { return .deit }
        return classes > 0 ? .vit : .dino
    }

    // MARK: Weights

    /// - Throws: `ModelError.weightsDoNotFit` listing every missing, unexpected or misshapen tensor;
    ///   `CheckpointError` where the file cannot be read.
    func weights(for configuration: Configuration) throws -> Weights {
        let required = CanonicalNames.required(by: configuration)
        var problems: [String] = []
        for (name, expected) in required {
            guard let found = shape(name) else {
                problems.append("missing \(name)")
                continue
            }
            if found != expected { problems.append("\(name) is \(found), not \(expected)") }
        }
        let known = Set(required.map(\.name))
        problems += unexpected.map { "unexpected \($0)" }
        problems += sources.keys.filter { !known.contains($0) }.sorted().map { "unexpected \($0)" }
        guard problems.isEmpty else { throw problem(problems) }
        return try Weights(configuration: configuration) { name in
            try (sources[name] ?? []).flatMap { try checkpoint.floats($0.name) }
        }
    }

    /// Every canonical tensor of a configuration, for writing it elsewhere.
    ///
    /// - Throws: as `weights(for:)`.
    func canonicalTensors(
        for configuration: Configuration
    ) throws -> [(name: String, shape: [Int], values: [Float])] {
        _ = try weights(for: configuration)
        return try CanonicalNames.required(by: configuration).map { name, shape in
            (name, shape, try (sources[name] ?? []).flatMap { try checkpoint.floats($0.name) })
        }
    }

    private func problem(_ problems: [String]) -> ModelError {
        .weightsDoNotFit(path: checkpoint.path, problems: problems)
    }
}
