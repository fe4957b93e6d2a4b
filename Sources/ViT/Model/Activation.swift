/// The nonlinearity of the feed-forward part.
package enum Activation: String, Sendable, Hashable, CaseIterable {
    /// W₂ · GELU(W₁x), GELU(v) = v · (1 + erf(v / √2)) / 2.
    case gelu
    /// GELU by tanh: v · (1 + tanh(√(2/π) · (v + 0.044715 v³))) / 2 (SigLIP).
    case geluTanh = "gelu_tanh"
    /// v · σ(1.702 v) (OpenAI's CLIP).
    case quickGELU = "quick_gelu"
    /// W₃ · (SiLU(W₁x) ⊙ W₂x), with W₁ and W₂ stored as one matrix.
    case swiglu

    /// Whether the hidden layer is twice as wide as what comes out of the activation.
    package var isGated: Bool { self == .swiglu }
}
