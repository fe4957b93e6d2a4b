/// The shape of a Vision Transformer and the parts in which families differ.
///
/// Tokens are ordered `[prefix tokens…, patches row-major]`. Loading asks the parts which tensors a
/// checkpoint holds (`CanonicalNames`), the passes ask them what to compute. A family is a preset of the
/// parts (`Family.preset`).
package struct Configuration: Sendable, Hashable {
    /// The preset that the parts start from; written into imported files.
    package var family: Family

    // MARK: Sizes

    /// Side of a patch in pixels.
    package var patchSize: Int
    /// Embedding dimension D.
    package var width: Int
    /// Number of blocks.
    package var depth: Int
    package var heads: Int
    /// Hidden dimension of the feed-forward part (for SwiGLU: of each half).
    package var feedForwardWidth: Int
    /// Rows and columns of the patch grid that the model was trained on. A learned table has this size.
    package var nativeRows: Int
    package var nativeColumns: Int
    /// Number of classes of the classifier head, 0 without one.
    package var classes: Int
    /// Channels of the patch embedding in the file: 3, or 1 for a model of grey pictures.
    package var inputChannels = 3

    // MARK: Parts

    /// Per-channel normalization of the input.
    package var normalization: Normalization
    /// Tokens before the patches.
    package var prefix: PrefixTokens
    package var position: PositionEncoding
    /// Nil where queries and keys are not rotated.
    package var rotary: RotaryPositions?
    /// Nil where scores are not shifted by position.
    package var relativePositions: RelativePositions?
    /// How a learned position table is carried to another grid.
    package var positionInterpolation: PositionInterpolation
    /// Whether the patch embedding has a bias (CLIP's has none).
    package var hasPatchBias: Bool
    /// Whether a LayerNorm `norm_pre` comes between the embedding and the first block (CLIP).
    package var normalizesBeforeBlocks: Bool
    /// Which thirds of `attn.qkv` have a bias.
    package var qkvBias: QKVBias
    /// Whether LayerNorms `attn.q_norm` and `attn.k_norm` over a head's width follow the queries' and keys' layer.
    package var normalizesQueriesAndKeys = false
    /// Whether a LayerNorm `attn.norm` of the heads' outputs comes before `attn.proj` (EVA-02's CLIP towers).
    package var normalizesAttention = false
    /// Whether `attn.proj` and the feed-forward layers have biases.
    package var hasLinearBias = true
    package var activation: Activation
    /// Whether a LayerNorm `mlp.norm` follows the activation (EVA-02).
    package var normalizesHidden = false
    /// Whether each residual branch is scaled per channel (DINOv2).
    package var hasLayerScale: Bool
    /// Whether a LayerNorm follows the last block.
    package var hasFinalNorm = true
    /// Whether a LayerNorm `fc_norm` comes between the pooled feature and the classifier head, most often in place of
    /// the final one.
    package var hasPoolingNorm = false
    /// Whether the distillation token has a classifier of its own.
    package var hasDistillationHead: Bool
    /// What the classifier head reads.
    package var pooling: Pooling
    /// What LayerNorm adds to the variance: 1e-6 in the original code of most families and in timm, 1e-5 in DINOv3,
    /// 1e-12 in Hugging Face's `ViTModel` and `DeiTModel`.
    package var layerNormEpsilon: Float

    /// A configuration with the parts of the family's preset.
    package init(
        family: Family, patchSize: Int, width: Int, depth: Int, heads: Int, feedForwardWidth: Int? = nil,
        activation: Activation? = nil, registers: Int = 0, hasDistillationToken: Bool = false,
        hasLayerScale: Bool = false, nativeRows: Int, nativeColumns: Int, classes: Int = 0
    ) {
        let preset = family.preset
        self.family = family
        self.patchSize = patchSize
        self.width = width
        self.depth = depth
        self.heads = heads
        self.feedForwardWidth = feedForwardWidth ?? 4 * width
        self.nativeRows = nativeRows
        self.nativeColumns = nativeColumns
        self.classes = classes
        normalization = preset.normalization
        prefix = preset.prefix
        prefix.registers = registers
        prefix.hasDistillationToken = hasDistillationToken
        position = preset.position
        rotary = preset.rotary
        relativePositions = preset.relativePositions
        positionInterpolation = preset.positionInterpolation
        hasDistillationHead = hasDistillationToken
        hasPatchBias = preset.hasPatchBias
        normalizesBeforeBlocks = preset.normalizesBeforeBlocks
        qkvBias = preset.qkvBias
        self.activation = activation ?? preset.activation
        self.hasLayerScale = hasLayerScale
        pooling = preset.pooling
        layerNormEpsilon = preset.layerNormEpsilon
    }

    /// Whether a table of positions or of relative positions is carried to other grids.
    package var isInterpolated: Bool { position.isInterpolated || relativePositions != nil }

    // MARK: Derived sizes

    /// Dimension of one head.
    package var headWidth: Int { width / heads }

    /// Number of tokens before the patches (`S`).
    package var specialTokens: Int { prefix.count }

    package var registers: Int { prefix.registers }

    package var hasDistillationToken: Bool { prefix.hasDistillationToken }

    /// Number of tokens before the patches that have an entry of their own in the position table.
    package var positionedSpecialTokens: Int {
        position == .learned(coversPrefix: true) ? prefix.positioned : 0
    }

    /// Outputs of `fc1`: for SwiGLU gate and value side by side.
    package var hiddenWidth: Int { (activation.isGated ? 2 : 1) * feedForwardWidth }

    /// Number of values in one flattened patch, `3 · patchSize²`.
    package var patchValues: Int { 3 * patchSize * patchSize }
}
