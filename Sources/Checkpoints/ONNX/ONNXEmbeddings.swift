/// Finds the tokens and the position table of a Vision Transformer that an exporter has folded.
///
/// A class token that is expanded to a batch of known size, and a position table that is cut up or resampled, are
/// constants whose names say nothing (`expand`, `cat`, `onnx::Concat_1957`). They are known by where they join the
/// patches, which come out of the patch embedding, and are named as its weight is.
struct ONNXEmbeddings {
    /// How the libraries name what lies before the blocks.
    private struct Dialect {
        let patchWeight, classToken: String
        var distillationToken: String?
        var registers: String?
        var positions: String?
        /// Whether class token and positions are (D) and (positions, D), not (1, 1, D) and (1, positions, D).
        var isBare = false
    }

    private static let dialects = [
        Dialect(
            patchWeight: "patch_embed.proj.weight", classToken: "cls_token",
            distillationToken: "dist_token", registers: "reg_token", positions: "pos_embed"),
        Dialect(
            patchWeight: "embeddings.patch_embeddings.projection.weight",
            classToken: "embeddings.cls_token", distillationToken: "embeddings.distillation_token",
            registers: "embeddings.register_tokens", positions: "embeddings.position_embeddings"),
        // Hugging Face's DINOv3, which has no positions.
        Dialect(
            patchWeight: "embeddings.patch_embeddings.weight", classToken: "embeddings.cls_token",
            registers: "embeddings.register_tokens"),
        // Hugging Face's CLIP.
        Dialect(
            patchWeight: "embeddings.patch_embedding.weight", classToken: "embeddings.class_embedding",
            positions: "embeddings.position_embedding.weight", isBare: true),
        // OpenAI's and OpenCLIP's.
        Dialect(
            patchWeight: "conv1.weight", classToken: "class_embedding", positions: "positional_embedding",
            isBare: true),
    ]

    private let initializers: [ONNXInitializer]
    /// The parameters that kept their names.
    private let names: Set<String>
    private let dialect: Dialect?
    /// What stands before the model's own names.
    private let prefix: String
    /// Values computed from the patches, up to the first block.
    private var patchValues: Set<String> = []
    private var hasReachedBlocks = false
    /// Initializers by the values that are copies of them for each picture of a batch.
    private var copies: [String: Int] = [:]

    private var tokens: [Int] = []
    private var positions: Int?
    /// Halves of a position table by the scope of the node that uses them.
    private var specialPositions: [String: Int] = [:]
    private var patchPositions: [(scope: String, index: Int)] = []

    init(_ initializers: [ONNXInitializer]) {
        self.initializers = initializers
        names = Set(initializers.lazy.map(\.name))
        var found: (Dialect, String)?
        for initializer in initializers where initializer.description.shape.count == 4 {
            for dialect in Self.dialects where found == nil && initializer.name.hasSuffix(dialect.patchWeight)
            {
                let prefix = initializer.name.dropLast(dialect.patchWeight.count)
                if prefix.isEmpty || prefix.hasSuffix(".") { found = (dialect, String(prefix)) }
            }
        }
        dialect = found?.0
        prefix = found?.1 ?? ""
    }

    /// Takes in the next node of the graph.
    mutating func add(_ node: ONNXNode, indices: [String: Int]) {
        guard !hasReachedBlocks else { return }
        let isPatches = node.inputs.contains(where: patchValues.contains)
        let folded = node.inputs.map { madeUp($0, indices) }
        switch node.operation {
        case "Conv" where dialect.map { node.inputs.contains(prefix + $0.patchWeight) } ?? false:
            patchValues.formUnion(node.outputs)
        case "Expand", "Cast":
            // Known under their own names otherwise.
            if let index = folded.first ?? nil, rank(index) == 3 {
                for output in node.outputs { copies[output] = index }
            }
        case "Concat":
            if isPatches {
                tokens += folded.compactMap { $0 }.filter { rank($0) == 3 }
            } else if let index = folded.first ?? nil, rank(index) == 3, shape(index)[0] == 1 {
                specialPositions[scope(node), default: index] = index
            }
        case "Add" where isPatches:
            let ranks = dialect?.isBare == true ? 2...3 : 3...3
            if positions == nil { positions = folded.compactMap { $0 }.first { ranks ~= rank($0) } }
        case "Reshape", "Resize", "Transpose":
            if !isPatches, let index = folded.first ?? nil, [3, 4].contains(rank(index)),
                shape(index)[0] == 1
            {
                patchPositions.append((scope(node), index))
            }
        case "MatMul", "Gemm", "LayerNormalization": hasReachedBlocks = isPatches
        default: break
        }
        // Sizes are computed from the patches as well, and are not patches.
        if isPatches, node.operation != "Shape" { patchValues.formUnion(node.outputs) }
    }

    /// Whether the position table is a constant of the graph, which may be one resampled to the size of the input.
    var hasFoldedPositions: Bool {
        guard let name = dialect?.positions else { return false }
        // CLIP's code adds the whole table, of the one size that it takes.
        return positions != nil && !names.contains(prefix + name) && dialect?.isBare == false
    }

    /// What was found, under the names that the library gives it.
    var found: [(name: String, origin: ONNXOrigin)] {
        var result: [(name: String, origin: ONNXOrigin)] = []
        for (scope, patches) in patchPositions {
            guard let special = specialPositions[scope],
                shape(special)[2] == shape(patches)[rank(patches) == 4 ? 1 : 2]
            else { continue }
            let name =
                dialect?.positions.map { prefix + $0 }
                ?? (scope.hasSuffix("embeddings")
                    ? scope + ".position_embeddings" : scope.isEmpty ? "pos_embed" : scope + ".pos_embed")
            result.append((name, .joined(tokens: special, patches: patches)))
        }
        guard let dialect else { return result }
        func add(_ name: String?, _ index: Int, bareAxes: Int? = nil) {
            guard let name, !names.contains(prefix + name) else { return }
            let origin: ONNXOrigin =
                if dialect.isBare, let bareAxes {
                    .inner(index, axes: bareAxes)
                } else {
                    shape(index)[0] > 1 ? .first(index) : .whole(index)
                }
            result.append((prefix + name, origin))
        }
        if let positions { add(dialect.positions, positions, bareAxes: 2) }
        var left = tokens[...]
        if !names.contains(prefix + dialect.classToken), let first = left.first, shape(first)[1] == 1 {
            add(dialect.classToken, first, bareAxes: 1)
            left = left.dropFirst()
        }
        if let extra = left.first {
            add(shape(extra)[1] == 1 ? dialect.distillationToken : dialect.registers, extra)
        }
        return result
    }

    /// The initializer that a node uses under a name without meaning.
    private func madeUp(_ name: String, _ indices: [String: Int]) -> Int? {
        if let copied = copies[name] { return copied }
        return !ONNXNames.isMadeUp(name) || Self.ownNames.contains(name) ? nil : indices[name]
    }

    /// Names without a dot that parameters of a model at the top have.
    static let ownNames = Set(
        dialects.flatMap {
            [$0.classToken] + [$0.distillationToken, $0.registers, $0.positions].compactMap { $0 }
        })

    private func shape(_ index: Int) -> [Int] { initializers[index].description.shape }

    private func rank(_ index: Int) -> Int { shape(index).count }

    private func scope(_ node: ONNXNode) -> String { node.module ?? node.scopes.joined(separator: ".") }
}
