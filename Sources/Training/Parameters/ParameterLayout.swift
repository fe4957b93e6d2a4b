import ViT

/// One tensor of a model that is trained, and its place among all parameters.
package struct Parameter: Sendable, Hashable {
    /// What it is to its layer, by which it is initialized and decays or not.
    package enum Kind: String, Sendable, Hashable {
        /// A linear layer's.
        case weight
        case bias
        /// A LayerNorm's scale.
        case normScale
        /// A LayerNorm's shift.
        case normShift
        /// A class token or a register.
        case token
        case positions
        /// The temperature of locality self-attention.
        case temperature
        /// What a residual branch is multiplied by.
        case layerScale
    }

    package let name: String
    package let shape: [Int]
    package let kind: Kind
    /// Where its values begin among all parameters.
    package let offset: Int

    package var count: Int { shape.reduce(1, *) }
    package var range: Range<Int> { offset..<offset + count }
}

/// The parameters of a model in one flat buffer: gradients, moments, clipping and checkpoints are loops over it.
///
/// Each tensor begins on a cache line; what lies between two tensors is 0 and stays 0. The classifier's layers come
/// last, so that the gradients of everything before them are one run of values.
///
/// Names and shapes are timm's where a model has timm's parts:
///
/// | tensor | shape |
/// |---|---|
/// | `cls_token` | 1 × 1 × D |
/// | `register_tokens` | 1 × registers × D |
/// | `pos_embed` | 1 × (class token +) patches × D; only where it is trained |
/// | `patch_embed.norm.weight`, `.bias` | C·p², of shifted patches: channels first, then rows, then columns |
/// | `patch_embed.proj.weight`, `.bias` | D × C × p × p, with C = 3 or 15 channels |
/// | `blocks.I.norm1.weight`, `.bias` | D |
/// | `blocks.I.attn.qkv.weight`, `.bias` | 3·h·d × D: all heads' queries, then keys, then values |
/// | `blocks.I.attn.tau` | 1, for one temperature a block: scores are QKᵀ / τ |
/// | `blocks.I.attn.scale` | h, for a scale a head: scores are s · QKᵀ |
/// | `blocks.I.attn.proj.weight`, `.bias` | D × h·d |
/// | `blocks.I.ls1.gamma`, `blocks.I.ls2.gamma` | D, with LayerScale |
/// | `blocks.I.norm2.weight`, `.bias` | D |
/// | `blocks.I.mlp.fc1.weight`, `.bias` | F × D |
/// | `blocks.I.mlp.fc2.weight`, `.bias` | D × F |
/// | `norm.weight`, `.bias` | D, after the last block; not where the classifier reads the mean |
/// | `fc_norm.weight`, `.bias` | D, of the patches' mean |
/// | `head_mlp.I.weight`, `.bias` | outputs × inputs, of the flattened tokens' layers |
/// | `head.weight`, `.bias` | classes × inputs |
///
/// What is computed of them, in the order of the table, with N for LayerNorm and G for GELU by erf:
///
///     x₀ = [cls_token; register_tokens; W·N(patches) + b] + pos_embed       N only for shifted patches
///     a  = softmax(s · QKᵀ)·V by heads, Q, K, V = qkv(N₁(x))                no diagonal for locality self-attention
///     x' = x + ls₁ ⊙ proj(a)
///     x  = x' + ls₂ ⊙ G?(fc2(G(fc1(N₂(x')))))                               G? where `activatesOutput`
///     logits = head(f), f = norm(x)[class token], or fc_norm(mean of the patches of x), or
///              G(head_mlp.I(…)) of norm(x) with all tokens side by side
package struct ParameterLayout: Sendable {
    struct NormPlace: Sendable {
        let width: Int
        let scale: Int
        let shift: Int
    }

    struct LinearPlace: Sendable {
        let outputs: Int
        let inputs: Int
        let weight: Int
        let bias: Int
    }

    struct BlockPlaces: Sendable {
        let norm1: NormPlace
        let qkv: LinearPlace
        /// τ, or a scale a head; nil for plain attention.
        let temperature: Int?
        let proj: LinearPlace
        let layerScale1: Int?
        let norm2: NormPlace
        let fc1: LinearPlace
        let fc2: LinearPlace
        let layerScale2: Int?
    }

    package let shape: TrainedShape
    /// In the order of their places.
    package let parameters: [Parameter]
    /// Values of all parameters, gaps included.
    package let count: Int
    /// Values of all that comes before the classifier's layers.
    package let trunkCount: Int

    let classToken: Int?
    let registers: Int?
    let positions: Int?
    let patchNorm: NormPlace?
    let patchEmbedding: LinearPlace
    let blocks: [BlockPlaces]
    /// `norm`, or `fc_norm` of the mean.
    let finalNorm: NormPlace
    /// The classifier's layers, the last of them giving the logits.
    let head: [LinearPlace]

    package init(_ shape: TrainedShape) {
        var list = ParameterList()
        let (d, inner) = (shape.width, shape.attentionWidth)
        self.shape = shape
        classToken = shape.hasClassToken ? list.add("cls_token", [1, 1, d], .token) : nil
        registers =
            shape.registers > 0 ? list.add("register_tokens", [1, shape.registers, d], .token) : nil
        let entries = shape.patches + (shape.hasClassToken && shape.positionsCoverClassToken ? 1 : 0)
        positions = shape.positions == .learned ? list.add("pos_embed", [1, entries, d], .positions) : nil
        patchNorm = shape.tokenization == .shifted ? list.norm("patch_embed.norm", shape.patchValues) : nil
        patchEmbedding = list.linear(
            "patch_embed.proj", d, shape.patchValues,
            shape: [d, shape.channels, shape.patchSize, shape.patchSize])
        blocks = (0..<shape.depth).map { index in
            let name = "blocks.\(index)."
            let norm1 = list.norm(name + "norm1", d)
            let qkv = list.linear(name + "attn.qkv", 3 * inner, d)
            let temperature: Int? =
                switch shape.attention {
                case .plain: nil
                case .locality: list.add(name + "attn.tau", [1], .temperature)
                case .localityPerHead: list.add(name + "attn.scale", [shape.heads], .temperature)
                }
            let proj = list.linear(name + "attn.proj", d, inner)
            let ls1 = shape.hasLayerScale ? list.add(name + "ls1.gamma", [d], .layerScale) : nil
            let norm2 = list.norm(name + "norm2", d)
            let fc1 = list.linear(name + "mlp.fc1", shape.feedForwardWidth, d)
            let fc2 = list.linear(name + "mlp.fc2", d, shape.feedForwardWidth)
            let ls2 = shape.hasLayerScale ? list.add(name + "ls2.gamma", [d], .layerScale) : nil
            return BlockPlaces(
                norm1: norm1, qkv: qkv, temperature: temperature, proj: proj, layerScale1: ls1, norm2: norm2,
                fc1: fc1, fc2: fc2, layerScale2: ls2)
        }
        finalNorm = list.norm(shape.hasFinalNorm ? "norm" : "fc_norm", d)
        trunkCount = list.count
        var inputs = shape.featureWidth
        var layers: [LinearPlace] = []
        for (index, outputs) in shape.headHidden.enumerated() {
            layers.append(list.linear("head_mlp.\(index)", outputs, inputs))
            inputs = outputs
        }
        layers.append(list.linear("head", shape.classes, inputs))
        head = layers
        parameters = list.parameters
        count = list.count
    }

    /// The parameter of that name; nil for none.
    package subscript(name: String) -> Parameter? { parameters.first { $0.name == name } }

    /// How many values are trained.
    package var trainedCount: Int { parameters.reduce(0) { $0 + $1.count } }
}

/// Parameters as they are laid out, one after the other.
private struct ParameterList {
    private(set) var parameters: [Parameter] = []
    private(set) var count = 0

    /// Values of a cache line.
    private static let line = 16

    mutating func add(_ name: String, _ shape: [Int], _ kind: Parameter.Kind) -> Int {
        let parameter = Parameter(name: name, shape: shape, kind: kind, offset: count)
        parameters.append(parameter)
        count += (parameter.count + Self.line - 1) / Self.line * Self.line
        return parameter.offset
    }

    mutating func norm(_ name: String, _ width: Int) -> ParameterLayout.NormPlace {
        let scale = add(name + ".weight", [width], .normScale)
        return .init(width: width, scale: scale, shift: add(name + ".bias", [width], .normShift))
    }

    /// - Parameter shape: of the weight in files; nil for outputs × inputs.
    mutating func linear(
        _ name: String, _ outputs: Int, _ inputs: Int, shape: [Int]? = nil
    ) -> ParameterLayout.LinearPlace {
        let weight = add(name + ".weight", shape ?? [outputs, inputs], .weight)
        return .init(
            outputs: outputs, inputs: inputs, weight: weight, bias: add(name + ".bias", [outputs], .bias))
    }
}
