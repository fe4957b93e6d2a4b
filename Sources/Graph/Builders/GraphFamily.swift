import Base
import Checkpoints
import Files
import ViT

/// A family of vision transformers of a build of their own, written down in a file each.
package enum GraphFamily: String, Sendable, CaseIterable {
    case swin
    case swinV2
    case pit
    case convit
    case coat
    case twins
    case cait
    /// What `vitvideo train` makes.
    case trained

    /// What only the names of such a model's tensors have, from the beginning of a name of the model's own.
    var sign: String {
        switch self {
        case .swin: "layers.0.blocks.0.attn.relative_position_bias_table"
        case .swinV2: "layers.0.blocks.0.attn.cpb_mlp."
        case .pit: "transformers.0.blocks.0."
        case .convit: "blocks.0.attn.gating_param"
        case .coat: "serial_blocks1.0."
        case .twins: "pos_block.0.proj.0."
        case .cait: "blocks_token_only.0."
        case .trained: "patch_embed.proj.weight"
        }
    }

    /// In words.
    package var title: String {
        switch self {
        case .swin: "Swin Transformer"
        case .swinV2: "Swin Transformer V2"
        case .pit: "PiT"
        case .convit: "ConViT"
        case .coat: "CoaT"
        case .twins: "Twins"
        case .cait: "CaiT"
        case .trained: "Vision Transformer of a build of its own"
        }
    }

    /// What the sides of its pictures are multiples of, so that all of its grids are whole.
    var sideUnit: Int {
        switch self {
        case .swin, .swinV2, .pit, .coat, .twins: 32
        case .convit, .cait: 16
        case .trained: 1
        }
    }

    /// The family whose tensors a file has; nil for none of these.
    package static func recognized(_ checkpoint: Checkpoint) -> GraphFamily? {
        if checkpoint.metadata["family"] == TrainedShape.family { return .trained }
        return allCases.first { family in
            family != .trained && checkpoint.names.contains { $0.contains(family.sign) }
        }
    }

    /// The model for one size of the picture.
    ///
    /// - Throws: `VitvideoError` where weights are missing or misshapen, or the model has no such size.
    package func graph(of checkpoint: Checkpoint, height: Int, width: Int) throws -> Graph {
        let weights = try GraphWeights(checkpoint, sign: sign)
        return try locating("use", checkpoint.path) {
            switch self {
            case .swin: try Swin.graph(weights, height: height, width: width)
            case .swinV2: try SwinV2.graph(weights, height: height, width: width)
            case .pit: try PiT.graph(weights, height: height, width: width)
            case .convit: try ConViT.graph(weights, height: height, width: width)
            case .coat: try CoaT.graph(weights, height: height, width: width)
            case .twins: try Twins.graph(weights, height: height, width: width)
            case .cait: try CaiT.graph(weights, height: height, width: width)
            case .trained: try TrainedTransformer.graph(weights, height: height, width: width)
            }
        }
    }
}
