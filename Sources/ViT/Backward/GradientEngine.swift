import Base

/// A model made ready for gradients: its linear layers in both directions. Made once and shared by all workers.
package final class GradientEngine: Sendable {
    package let model: Model
    /// What logits are of; nil for the model's own head or the linear one that came with it.
    package let classifier: Classifier?
    /// Of the linear layers of blocks. All else is in 32-bit floats.
    package let precision: Precision
    /// Such as `oneDNN 2.6.3 (AVX2), fp32`.
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
    ///   - library: as of `Engine`.
    ///   - precision: nil for bfloat16 where the CPU has it natively and the library computes it, else 32-bit
    ///     floats. There are no gradients in 8-bit integers.
    /// - Throws: `VitvideoError.mathLibraryMissing`, `VitvideoError.mathLibraryFailed`,
    ///   `VitvideoError.precisionUnavailable`, `VitvideoError` where the weights cannot be read.
    package init(
        model: Model, classifier: Classifier? = nil, blockCount: Int? = nil, library: Engine.Library = .auto,
        precision: Precision? = .float32
    ) throws {
        self.model = model
        self.classifier = classifier
        let (backend, _) = try Engine.backend(library)
        let chosen = try Engine.choose(precision) {
            $0 == .int8
                ? "gradients are computed in fp32 or bf16" : Engine.obstacle(to: $0, backend: backend)
        }
        self.precision = chosen
        description = "\(backend.description), \(chosen.rawValue)"
        rowTile = backend.packsWeights ? TwoWayLayer.packedRowTile : ForwardRecord.rowTile
        embedding = try TwoWayLayer(model.weights.patchEmbedding, backend, .float32)
        blocks = try model.blocks().prefix(blockCount ?? model.configuration.depth).map {
            try TwoWayBlock($0, backend, chosen)
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

    /// - Parameters: as of `TwoWayLayer`.
    init(_ weights: BlockWeights, _ backend: any Backend, _ precision: Precision) throws {
        self.weights = weights
        qkv = try TwoWayLayer(weights.qkv, backend, precision)
        proj = try TwoWayLayer(weights.proj, backend, precision)
        fc1 = try TwoWayLayer(weights.fc1, backend, precision)
        fc2 = try TwoWayLayer(weights.fc2, backend, precision)
    }
}
