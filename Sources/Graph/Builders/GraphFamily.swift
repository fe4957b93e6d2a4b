import Base
import Checkpoints
import Files

/// A family of vision transformers of a build of their own, written down in a file each.
package enum GraphFamily: String, Sendable, CaseIterable {
    case swin

    /// What only the names of such a model's tensors have, from the beginning of a name of the model's own.
    var sign: String {
        switch self {
        case .swin: "layers.0.blocks.0.attn.relative_position_bias_table"
        }
    }

    /// In words.
    package var title: String {
        switch self {
        case .swin: "Swin Transformer"
        }
    }

    /// What the sides of its pictures are multiples of, so that all of its grids are whole.
    var sideUnit: Int {
        switch self {
        case .swin: 32
        }
    }

    /// The family whose tensors a file has; nil for none of these.
    package static func recognized(_ checkpoint: Checkpoint) -> GraphFamily? {
        allCases.first { family in checkpoint.names.contains { $0.contains(family.sign) } }
    }

    /// The model for one size of the picture.
    ///
    /// - Throws: `VitvideoError` where weights are missing or misshapen, or the model has no such size.
    package func graph(of checkpoint: Checkpoint, height: Int, width: Int) throws -> Graph {
        let weights = try GraphWeights(checkpoint, sign: sign)
        return switch self {
        case .swin: try Swin.graph(weights, height: height, width: width)
        }
    }
}
