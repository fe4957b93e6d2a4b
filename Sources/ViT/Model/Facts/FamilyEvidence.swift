/// What the tensors alone say about the family of a checkpoint. What a model is used for says nothing: a
/// classifier may have been put on any backbone and taken off any.
struct FamilyEvidence {
    /// A sign of a family.
    private struct Rule: Sendable {
        let family: Configuration.Family
        /// False where other families look the same.
        var isCertain = true
        let applies: @Sendable (CanonicalTensors) -> Bool

        init(
            _ family: Configuration.Family, isCertain: Bool = true,
            where applies: @escaping @Sendable (CanonicalTensors) -> Bool
        ) {
            self.family = family
            self.isCertain = isCertain
            self.applies = applies
        }
    }

    let family: Configuration.Family
    let isCertain: Bool

    /// The first rule that applies decides.
    init(_ tensors: CanonicalTensors) {
        for rule in FamilyEvidence.rules where rule.applies(tensors) {
            (family, isCertain) = (rule.family, rule.isCertain)
            return
        }
        (family, isCertain) = (.dino, false)
    }

    private static let rules: [Rule] = [
        Rule(.vit) { $0.table.dialect == .jax },
        Rule(.siglip) { tensors in
            tensors.shape("attn_pool.latent") != nil
                || tensors.table.dialect == .huggingFaceCLIP && !tensors.hasClassToken
        },
        Rule(.eva02) { tensors in
            // EVA's own code also keeps the rotation. timm's towers have nothing of their own, but other gated models
            // have a bias of the keys, or no position table.
            tensors.checkpoint.names.contains { $0.hasSuffix("rope.freqs_cos") }
                || tensors.shape("pos_embed") != nil && tensors.shape("blocks.0.mlp.w12.weight") != nil
                    && tensors.qkvBias == [.queries, .values]
        },
        Rule(.beit) { $0.hasRelativePositions || $0.table.dialect == .huggingFaceBEiT },
        Rule(.clip) { [.clip, .huggingFaceCLIP].contains($0.table.dialect) || $0.isTimmsCLIP },
        Rule(.dinov3) { tensors in
            // timm's have nothing of their own but what they lack.
            tensors.shape("pos_embed") == nil
                && (tensors.hasDINOv3sOwn || tensors.table.dialect == .huggingFaceDinov3
                    || tensors.shape("register_tokens") != nil && !tensors.qkvBias.contains(.keys))
        },
        Rule(.ijepa) { tensors in
            !tensors.hasClassToken
                && tensors.checkpoint.names.contains { $0.hasSuffix("predictor_pos_embed") }
        },
        // Many are trained without a class token, most of them in timm on pictures from −1 to 1.
        Rule(.vit, isCertain: false) { !$0.hasClassToken },
        Rule(.dinov2Registers) { $0.shape("register_tokens") != nil },
        Rule(.dinov2) { $0.table.dialect == .huggingFaceDinov2 },
        Rule(.deit) { $0.shape("dist_token") != nil },
        // DeiT III has LayerScale as DINOv2 does, but adds no position to the class token.
        Rule(.deit) { $0.shape("blocks.0.ls1.gamma") != nil && !$0.positionsCoverClassToken },
        Rule(.dinov2) { $0.shape("blocks.0.ls1.gamma") != nil },
        Rule(.mae) { tensors in
            tensors.checkpoint.names.contains { name in
                ["decoder_pos_embed", "decoder_embed.weight"].contains { name.hasSuffix($0) }
            }
        },
        Rule(.dino) { tensors in
            // Projection heads of DINO's and iBOT's training.
            tensors.checkpoint.names.contains { name in
                ["last_layer.weight", "last_layer.weight_g", "last_layer.weight_v"].contains {
                    name.hasSuffix($0)
                }
            }
        },
        // DINO's backbones in Hugging Face's names look as Google's do, of which there are far more; 0.5 is also
        // what the library's own image processor takes where nothing is configured.
        Rule(.vit, isCertain: false) { $0.table.dialect == .huggingFaceViT },
        // What is left is a plain ViT under timm's names: DINO, DeiT, MAE, MoCo v3, and what people train with
        // torchvision's usual transforms, all of them with ImageNet's statistics; against them stand Google's and
        // the AugReg ViTs. Those are published as .npz, or with a config.json that tells.
    ]
}
