import Base

/// A model made ready for gradients: its linear layers in both directions. Made once and shared by all workers.
package final class GradientEngine: Sendable {
    package let model: Model
    /// What logits are of; nil for the model's own head or the linear one that came with it.
    package let classifier: Classifier?
    /// Such as `oneDNN 2.6.3`.
    package let description: String
    /// Rows handled together in the feed-forward part, at most.
    let rowTile: Int
    /// The patch embedding.
    let embedding: TwoWayLayer
    /// The first blocks of the model, or all.
    let blocks: [TwoWayBlock]

    /// - Parameters:
    ///   - classifier: what logits are of; nil for the model's own head or the linear one that came with it.
    ///   - blockCount: how many blocks gradients go through, from the first; nil for all.
    ///   - library: `.auto` is oneDNN where it is installed, else OpenBLAS.
    /// - Throws: `VitvideoError.mathLibraryMissing`, `VitvideoError.mathLibraryFailed`, `VitvideoError` where
    ///   the weights cannot be read.
    package init(
        model: Model, classifier: Classifier? = nil, blockCount: Int? = nil, library: Engine.Library = .auto
    ) throws {
        self.model = model
        self.classifier = classifier
        let (backend, _) = try Engine.backend(library)
        description = backend.description
        let isPacked = backend is OneDNNBackend
        rowTile = isPacked ? TwoWayLayer.packedRowTile : ForwardRecord.rowTile
        embedding = try TwoWayLayer(model.weights.patchEmbedding, isPacked: isPacked)
        blocks = try model.blocks().prefix(blockCount ?? model.configuration.depth).map {
            try TwoWayBlock($0, isPacked: isPacked)
        }
    }
}

/// A block's weights, its linear layers in both directions.
struct TwoWayBlock: Sendable {
    let weights: BlockWeights
    let qkv: TwoWayLayer
    let proj: TwoWayLayer
    let fc1: TwoWayLayer
    let fc2: TwoWayLayer

    init(_ weights: BlockWeights, isPacked: Bool) throws {
        self.weights = weights
        qkv = try TwoWayLayer(weights.qkv, isPacked: isPacked)
        proj = try TwoWayLayer(weights.proj, isPacked: isPacked)
        fc1 = try TwoWayLayer(weights.fc1, isPacked: isPacked)
        fc2 = try TwoWayLayer(weights.fc2, isPacked: isPacked)
    }
}
