import Base
import Datasets
import ViT

/// What a model gives without being trained.
extension TrainingEngine {
    /// The logits of pictures, `count × classes`.
    ///
    /// - Parameter pixels: `count × 3 × side × side`, normalized.
    /// - Throws: `Cancellation.Cancelled`.
    package func logits(_ pixels: [Float], count: Int) throws -> [Float] {
        let head = try run(pixels, count: count)
        return Array(UnsafeBufferPointer(start: head.logits.start, count: count * shape.classes))
    }

    /// Loss and accuracy of a batch without dropout.
    ///
    /// - Throws: `VitvideoError` where the batch does not fit the model, `Cancellation.Cancelled`.
    package func measure(_ batch: TrainingBatch, loss: CrossEntropy = CrossEntropy()) throws -> Measures {
        try check(batch)
        return measure(try run(batch.pixels, count: batch.count), batch, 0, batch.count, loss)
    }

    private func run(_ pixels: [Float], count: Int) throws -> HeadPass {
        precondition(pixels.count == count * shape.pictureValues, "pictures must have the model's size")
        let plan = Plan(shape, pictures: count)
        let head = wholeHead(pictures: count)
        try weights.prepare(pool)
        try pixels.withUnsafeBufferPointer { pixels in
            try pool.run(count: plan.groups) { index, worker in
                let group = plan.group(index, .none)
                try passes[worker].forward(
                    group, pixels: pixels.baseAddress! + group.first * shape.pictureValues,
                    record: records[worker], features: head.features + group.first * shape.featureWidth)
            }
        }
        try head.forward(pictures: count, first: 0, dropout: .none, sharedTiles)
        return head
    }

    /// The attention of every block to a picture, in inference.
    ///
    /// - Parameter pixels: `3 × side × side`, normalized.
    /// - Returns: for each block `heads × tokens × tokens`; each row sums to 1.
    /// - Throws: `Cancellation.Cancelled`.
    package func attention(of pixels: [Float]) throws -> [[Float]] {
        _ = try run(pixels, count: 1)
        // A single group goes to the calling thread.
        return records[0].blocks.map { block in
            Array(
                UnsafeBufferPointer(
                    start: block.attention.start, count: shape.heads * shape.tokens * shape.tokens))
        }
    }
}
