extension Configuration {
    /// A family of published checkpoints: a named preset of the parts.
    package enum Family: String, Sendable, CaseIterable {
        case dino
        case dinov2
        case dinov2Registers = "dinov2_reg"
        case dinov3
        /// DeiT and DeiT III.
        case deit
        /// The vision towers of OpenAI's CLIP and of OpenCLIP.
        case clip
        /// The vision towers of SigLIP and SigLIP 2.
        case siglip
        /// MAE.
        case mae
        /// I-JEPA.
        case ijepa
        /// BEiT, BEiT v2 and data2vec's vision models.
        case beit
        /// EVA, the first.
        case eva
        /// EVA-02 and its CLIP towers.
        case eva02
        /// The original and AugReg supervised ViTs.
        case vit
    }

    /// What a family's models have in common. The defaults are those of the original ViT.
    package struct Preset: Sendable {
        package var normalization = Normalization.imageNet
        package var prefix = PrefixTokens()
        package var position = PositionEncoding.learned(coversPrefix: true)
        package var rotary: RotaryPositions?
        package var relativePositions: RelativePositions?
        package var positionInterpolation = PositionInterpolation.antialiased
        package var hasPatchBias = true
        package var normalizesBeforeBlocks = false
        package var qkvBias = QKVBias.all
        package var activation = Activation.gelu
        package var pooling = Pooling.classToken
        package var layerNormEpsilon: Float = 1e-6
        /// Side in pixels of the pictures that the models are for, where no position table tells it.
        package var side = 224
    }
}

extension Configuration.Family {
    /// The parts of the family's models. Registers, distillation token, LayerScale and SwiGLU differ between
    /// the models of a family and come with the size.
    package var preset: Configuration.Preset {
        switch self {
        case .dino, .dinov2: Configuration.Preset(positionInterpolation: .scaled)
        case .dinov2Registers, .deit: Configuration.Preset()
        // MAE's `interpolate_pos_embed`.
        case .mae: Configuration.Preset(positionInterpolation: .plain)
        // timm's `input_size`; the models were trained at several sizes.
        case .dinov3:
            Configuration.Preset(position: .none, rotary: .dinov3, layerNormEpsilon: 1e-5, side: 256)
        case .clip:
            Configuration.Preset(
                normalization: .clip, hasPatchBias: false, normalizesBeforeBlocks: true,
                activation: .quickGELU, layerNormEpsilon: 1e-5)
        case .siglip:
            Configuration.Preset(
                normalization: .half, prefix: PrefixTokens(hasClassToken: false), activation: .geluTanh,
                pooling: .attentionProbe)
        case .ijepa: Configuration.Preset(prefix: PrefixTokens(hasClassToken: false), pooling: .meanPatch)
        case .beit:
            Configuration.Preset(
                normalization: .half, position: .none, relativePositions: .perBlock,
                qkvBias: [.queries, .values])
        case .eva: Configuration.Preset(normalization: .clip, qkvBias: [.queries, .values])
        case .eva02:
            Configuration.Preset(
                normalization: .clip, rotary: .eva02, qkvBias: [.queries, .values], activation: .swiglu)
        case .vit: Configuration.Preset(normalization: .half)
        }
    }
}
