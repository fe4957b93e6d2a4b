import Base
import Files

/// What a text tower's shapes do not tell, from `config.json` or `open_clip_config.json` beside the weights, else as
/// the published towers have it.
struct TextFacts: Sendable {
    /// Nil where nothing tells.
    private(set) var heads: Int?
    private(set) var activation: Activation
    private(set) var epsilon: Float
    /// Whether a token attends to none behind it.
    private(set) var isCausal: Bool

    /// Configurations are short; lists of class names make the longest.
    private static let longestFile = 16 << 20

    init(in directory: String, of kind: TextTower.Kind, width: Int, vision: Configuration) {
        isCausal = kind == .clip
        epsilon = kind == .clip ? 1e-5 : 1e-6
        activation = kind == .clip ? vision.activation : .geluTanh
        heads = width == vision.width ? vision.heads : width % 64 == 0 ? width / 64 : nil

        func file(_ name: String) -> JSONValue? {
            try? JSONValue(contentsOf: directory + "/" + name, limit: Self.longestFile)
        }
        if let text = file("config.json")?["text_config"] {
            heads = text["num_attention_heads"]?.integer ?? heads
            epsilon = text["layer_norm_eps"]?.number.map { Float($0) } ?? epsilon
            activation = text["hidden_act"]?.string.flatMap(Self.activation(named:)) ?? activation
        } else if let model = file("open_clip_config.json")?["model_cfg"], let text = model["text_cfg"] {
            heads = text["heads"]?.integer ?? heads
            epsilon = text["norm_kwargs"]?["eps"]?.number.map { Float($0) } ?? 1e-5
            activation = text["act_kwargs"]?["approximate"]?.string == "tanh" ? .geluTanh : .gelu
            if model["quick_gelu"]?.bool == true { activation = .quickGELU }
            isCausal = text["no_causal_mask"]?.bool != true
        }
    }

    private static func activation(named name: String) -> Activation? {
        switch name {
        case "quick_gelu": .quickGELU
        case "gelu": .gelu
        case "gelu_pytorch_tanh", "gelu_new", "gelu_fast": .geluTanh
        default: nil
        }
    }
}
