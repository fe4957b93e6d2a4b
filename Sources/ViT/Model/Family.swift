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
        /// MAE.
        case mae
        /// The original and AugReg supervised ViTs.
        case vit
    }

    /// What a family's models have in common. The defaults are those of the original ViT.
    package struct Preset: Sendable {
        package var normalization = Normalization.imageNet
        package var prefix = PrefixTokens()
        package var position = PositionEncoding.learned(coversPrefix: true)
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
        case .dinov2Registers, .deit, .mae: Configuration.Preset()
        // timm's `input_size`; the models were trained at several sizes.
        case .dinov3: Configuration.Preset(position: .rotary(base: 100), layerNormEpsilon: 1e-5, side: 256)
        case .clip:
            Configuration.Preset(
                normalization: .clip, hasPatchBias: false, normalizesBeforeBlocks: true,
                activation: .quickGELU, layerNormEpsilon: 1e-5)
        case .vit: Configuration.Preset(normalization: .half)
        }
    }
}
