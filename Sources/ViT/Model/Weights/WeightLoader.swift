import Base
import Checkpoints

/// Turns a checkpoint's tensors into weights, or says exactly what does not fit.
package struct WeightLoader: Sendable {
    private let tensors: CanonicalTensors
    private var path: String { tensors.checkpoint.path }

    package init(_ checkpoint: Checkpoint) {
        tensors = CanonicalTensors(checkpoint)
    }

    // MARK: Architecture

    /// Reads the architecture off the tensors' shapes.
    ///
    /// - Parameters:
    ///   - heads: number of heads; nil for what the file tells, else for heads of the usual width.
    ///   - family: conventions to follow; guessed where nil.
    /// - Throws: `VitvideoError.weightsDoNotFit` naming what is missing to tell the architecture.
    package func inferConfiguration(heads: Int?, family: Configuration.Family?) throws -> Configuration {
        guard let token = tensors.shape("cls_token"), token.count == 3, let width = token.last,
            let patch = tensors.shape("patch_embed.proj.weight"), patch.count == 4, let side = patch.last,
            let table = tensors.shape("pos_embed"), table.count == 3
        else {
            throw problem([
                "no class token, patch embedding or position table of a known family: is this a ViT checkpoint?"
            ])
        }
        let distilled = tensors.shape("dist_token") != nil
        let registers = tensors.shape("register_tokens").map { $0.count == 3 ? $0[1] : 0 } ?? 0
        let layerScale = tensors.shape("blocks.0.ls1.gamma") != nil
        let depth = (0...).first { tensors.shape("blocks.\($0).norm1.weight") == nil } ?? 0
        let gated = tensors.shape("blocks.0.mlp.w12.weight")
        let hidden = gated.map { $0[0] / 2 } ?? tensors.shape("blocks.0.mlp.fc1.weight")?.first ?? 4 * width
        let special = distilled ? 2 : 1
        // timm's newer models have no entries for the special tokens.
        guard let grid = Self.squareSide(table[1] - special) ?? Self.squareSide(table[1]) else {
            throw problem(["pos_embed holds \(table[1]) positions, which is not a square grid"])
        }
        guard let heads = heads ?? storedHeads ?? Self.usualHeads(width: width), heads > 0, width % heads == 0
        else {
            throw VitvideoError.weightsDoNotFit(
                path: path, problems: ["a width of \(width) does not divide into heads of 64"],
                nextStep: .giveHeadCount)
        }
        let classes = tensors.shape("head.weight")?.first ?? 0
        var configuration = Configuration(
            family: family ?? guessFamily(registers, layerScale: layerScale, distilled, classes: classes),
            patchSize: side, width: width, depth: depth, heads: heads, feedForwardWidth: hidden,
            activation: gated == nil ? .gelu : .swiglu, registers: registers,
            hasDistillationToken: distilled, hasLayerScale: layerScale, nativeRows: grid,
            nativeColumns: grid, classes: classes)
        // A file in a library's own names is run as that library runs it. (With registers Hugging Face's DINOv2
        // antialiases, as the original does.)
        if let rule = tensors.table.positionInterpolation, registers == 0 {
            configuration.positionInterpolation = rule
        }
        if let epsilon = tensors.table.layerNormEpsilon { configuration.layerNormEpsilon = epsilon }
        return configuration
    }

    /// The side of a grid of so many patches; nil where they make no square.
    private static func squareSide(_ patches: Int) -> Int? {
        let side = Int(Double(max(patches, 0)).squareRoot().rounded())
        return side > 0 && side * side == patches ? side : nil
    }

    /// JAX keeps the heads as an axis of their own: a query kernel is (D, heads, width).
    private var storedHeads: Int? {
        tensors.storedShape("blocks.0.attn.qkv.weight").flatMap { $0.count == 3 ? $0[1] : nil }
    }

    /// Heads are 64 wide but in ViT-H (80), ViT-g (88) and ViT-G (104), which have 16.
    private static func usualHeads(width: Int) -> Int? {
        if [1280, 1408, 1664].contains(width) { return 16 }
        return width % 64 == 0 ? width / 64 : nil
    }

    /// The family as far as tensors tell it. A DeiT without a distillation token has those of a supervised ViT;
    /// there the file's name decides.
    private func guessFamily(
        _ registers: Int, layerScale: Bool, _ distilled: Bool, classes: Int
    ) -> Configuration.Family {
        if registers > 0 { return .dinov2Registers }
        // DINOv2's backbones come without a classifier, DeiT III, which has LayerScale too, with one.
        if layerScale { return classes == 0 ? .dinov2 : .deit }
        if distilled { return .deit }
        // Hugging Face's supervised backbones carry a pooler, its DINO nothing.
        if classes == 0, !tensors.hasStored("pooler.dense.weight") {
            return storedHeads == nil ? .dino : .vit
        }
        let file = path.split(separator: "/").last ?? ""
        return file.lowercased().hasPrefix("deit") ? .deit : .vit
    }

    // MARK: Weights

    /// Everything but the blocks; their names and shapes are checked as well.
    ///
    /// - Throws: `VitvideoError.weightsDoNotFit` listing every missing, unexpected or misshapen tensor;
    ///   `VitvideoError` where the file cannot be read.
    package func weights(for configuration: Configuration) throws -> Weights {
        try check(configuration)
        return try Weights(configuration: configuration, linearHead: linearHead(for: configuration)) {
            try values($0, for: configuration)
        }
    }

    /// One block of a configuration that has been checked.
    ///
    /// - Throws: `VitvideoError` where the file cannot be read.
    package func block(_ index: Int, for configuration: Configuration) throws -> BlockWeights {
        try BlockWeights(index, of: configuration) { try tensors.values($0) }
    }

    /// Every canonical tensor of a configuration, for writing it elsewhere.
    ///
    /// - Throws: as `weights(for:)`.
    package func canonicalTensors(
        for configuration: Configuration
    ) throws -> [(name: String, shape: [Int], values: [Float])] {
        try check(configuration)
        return try (CanonicalNames.required(by: configuration) + optional(for: configuration)).map {
            ($0.name, $0.shape, try values($0.name, for: configuration))
        }
    }

    /// Checks names and shapes without reading the values.
    ///
    /// - Throws: `VitvideoError.weightsDoNotFit`.
    package func check(_ configuration: Configuration) throws {
        let required = CanonicalNames.required(by: configuration)
        let optional = optional(for: configuration)
        var problems: [String] = []
        for (name, expected) in required + optional {
            guard var found = tensors.shape(name) else {
                problems.append("missing \(name)")
                continue
            }
            if name == "pos_embed", found.count == 3 { found[1] += addedPositions(for: configuration) }
            if found != expected {
                problems.append("\(tensors.described(name)) is \(found), not \(expected)")
            }
        }
        let known = Set((required + optional).map(\.name))
        problems += tensors.problems
        problems += tensors.names.filter { !known.contains($0) }.map { "unexpected \(tensors.described($0))" }
        guard problems.isEmpty else { throw problem(problems) }
    }

    /// Zero entries to put before a position table that has none for the special tokens, whose positions are
    /// then in the tokens already (timm's `no_embed_class`).
    private func addedPositions(for c: Configuration) -> Int {
        tensors.shape("pos_embed")?.dropFirst().first == c.nativeRows * c.nativeColumns
            ? c.positionedSpecialTokens : 0
    }

    private func values(_ name: String, for configuration: Configuration) throws -> [Float] {
        let values = try tensors.values(name)
        let added = name == "pos_embed" ? addedPositions(for: configuration) : 0
        return added == 0 ? values : [Float](repeating: 0, count: added * configuration.width) + values
    }

    /// Tensors that may come with the model: a classifier on class token and mean patch token.
    private func optional(for c: Configuration) -> [(name: String, shape: [Int])] {
        guard let classes = tensors.shape("linear_head.weight")?.first else { return [] }
        return [("linear_head.weight", [classes, 2 * c.width]), ("linear_head.bias", [classes])]
    }

    private func linearHead(for configuration: Configuration) throws -> LinearHead? {
        guard let shape = tensors.shape("linear_head.weight") else { return nil }
        return LinearHead(
            classes: shape[0], width: configuration.width, blocks: 1, includesMeanPatch: true,
            weight: try tensors.values("linear_head.weight"), bias: try tensors.values("linear_head.bias"))
    }

    private func problem(_ problems: [String]) -> VitvideoError {
        .weightsDoNotFit(path: path, problems: problems)
    }
}
