/// The shape of a Vision Transformer and the conventions of its family.
///
/// Tokens are ordered `[class, (distillation), (registers…), patches row-major]`.
package struct Configuration: Sendable, Hashable {
    /// Whose conventions the checkpoint follows: preprocessing and position interpolation depend on it.
    package var family: Family
    /// Side of a patch in pixels.
    package var patchSize: Int
    /// Embedding dimension D.
    package var width: Int
    /// Number of blocks.
    package var depth: Int
    package var heads: Int
    /// Hidden dimension of the feed-forward part (for SwiGLU: of each half).
    package var feedForwardWidth: Int
    package var feedForward: FeedForward
    /// Register tokens after the class token; they carry no position.
    package var registers: Int
    package var hasDistillationToken: Bool
    /// Whether each residual branch is scaled per channel (DINOv2).
    package var hasLayerScale: Bool
    /// Rows and columns of the patch grid that the position table was trained on.
    package var nativeRows: Int
    package var nativeColumns: Int
    /// Number of classes of the classifier head, 0 without one.
    package var classes: Int
    /// How positions are carried to another grid; the family's way unless chosen otherwise.
    package var positionInterpolation: PositionInterpolation
    /// What LayerNorm adds to the variance: 1e-6 in the original code of every family and in timm, 1e-12 in
    /// Hugging Face's `ViTModel` and `DeiTModel`.
    package var layerNormEpsilon: Float = 1e-6

    package init(
        family: Family, patchSize: Int, width: Int, depth: Int, heads: Int, feedForwardWidth: Int? = nil,
        feedForward: FeedForward = .gelu, registers: Int = 0, hasDistillationToken: Bool = false,
        hasLayerScale: Bool = false, nativeRows: Int, nativeColumns: Int, classes: Int = 0
    ) {
        self.family = family
        self.patchSize = patchSize
        self.width = width
        self.depth = depth
        self.heads = heads
        self.feedForwardWidth = feedForwardWidth ?? 4 * width
        self.feedForward = feedForward
        self.registers = registers
        self.hasDistillationToken = hasDistillationToken
        self.hasLayerScale = hasLayerScale
        self.nativeRows = nativeRows
        self.nativeColumns = nativeColumns
        self.classes = classes
        positionInterpolation = family.positionInterpolation
    }

    package enum FeedForward: String, Sendable {
        /// W₂ · GELU(W₁x), GELU by erf.
        case gelu
        /// W₃ · (SiLU(W₁x) ⊙ W₂x), with W₁ and W₂ stored as one matrix.
        case swiglu
    }

    /// A family of published checkpoints.
    package enum Family: String, Sendable, CaseIterable {
        case dino
        case dinov2
        case dinov2Registers = "dinov2_reg"
        case deit
        /// The original and AugReg supervised ViTs.
        case vit

        package var normalization: Normalization {
            self == .vit ? .half : .imageNet
        }

        package var positionInterpolation: PositionInterpolation {
            switch self {
            case .dino, .dinov2: .scaled
            case .dinov2Registers, .deit, .vit: .antialiased
            }
        }
    }

    /// Dimension of one head.
    package var headWidth: Int { width / heads }

    /// Number of tokens before the patches (`S`).
    package var specialTokens: Int { 1 + (hasDistillationToken ? 1 : 0) + registers }

    /// Number of tokens before the patches that have an entry of their own in the position table.
    package var positionedSpecialTokens: Int { 1 + (hasDistillationToken ? 1 : 0) }

    /// Number of values in one flattened patch, `3 · patchSize²`.
    package var patchValues: Int { 3 * patchSize * patchSize }
}

/// Per-channel input normalisation: `(value / 255 − mean) / deviation`.
package struct Normalization: Sendable, Hashable {
    package var mean: [Float]
    package var deviation: [Float]

    /// The ImageNet statistics that DINO, DINOv2 and DeiT were trained with.
    package static let imageNet = Normalization(
        mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])

    /// To [−1, 1], as the original and AugReg ViTs expect.
    package static let half = Normalization(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])
}

/// How a position table is carried to another patch grid.
package enum PositionInterpolation: String, Sendable, Hashable {
    /// DINO and DINOv2 without registers: bicubic, a = −0.75, no antialiasing, with the scale factors
    /// `(rows + 0.1) / nativeRows` and `(columns + 0.1) / nativeColumns` used as such, so that
    /// `source = (target + 0.5) / scale − 0.5`.
    case scaled = "hub"
    /// DINOv2 with registers and timm: bicubic, a = −0.5, antialiased, to the explicit size.
    case antialiased = "timm"
    /// Hugging Face's `ViTModel`, `DeiTModel` and `Dinov2Model`: bicubic, a = −0.75, no antialiasing, to the
    /// explicit size.
    case plain = "transformers"
}
