import ViT

/// What the forward pass of a few pictures leaves for the backward pass. Matrices have a row a token, picture after
/// picture.
final class GroupRecord {
    /// What a block leaves.
    struct Block {
        /// What goes into it, `rows × D`.
        let input: FloatBuffer
        /// Queries, keys and values, `rows × 3·h·d`.
        let qkv: FloatBuffer
        /// Of every picture and head what `vv_attention_rows` leaves, `tokens × tokens`.
        let attention: FloatBuffer
        /// The heads' outputs, `rows × h·d`.
        let heads: FloatBuffer
        /// The residual stream between the branches, `rows × D`.
        let middle: FloatBuffer
        /// Slopes of the first GELU and what came out of it, `rows × F` each.
        let slope: FloatBuffer
        let activated: FloatBuffer
        /// Slopes of the second GELU, `rows × D`; empty without one.
        let outputSlope: FloatBuffer
    }

    /// Pictures that it has room for.
    let capacity: Int
    /// `capacity · patches × patch values`, before the norm of shifted patches.
    let patches: FloatBuffer
    let blocks: [Block]
    /// What comes out of the last block, `rows × D`.
    let output: FloatBuffer

    init(_ shape: TrainedShape, capacity: Int) {
        self.capacity = capacity
        let rows = capacity * shape.tokens
        let (d, inner, hidden) = (shape.width, shape.attentionWidth, shape.feedForwardWidth)
        patches = FloatBuffer(capacity * shape.patches * shape.patchValues)
        blocks = (0..<shape.depth).map { _ in
            Block(
                input: FloatBuffer(rows * d), qkv: FloatBuffer(rows * 3 * inner),
                attention: FloatBuffer(capacity * shape.heads * shape.tokens * shape.tokens),
                heads: FloatBuffer(rows * inner), middle: FloatBuffer(rows * d),
                slope: FloatBuffer(rows * hidden), activated: FloatBuffer(rows * hidden),
                outputSlope: FloatBuffer(shape.activatesOutput ? rows * d : 0))
        }
        output = FloatBuffer(rows * d)
    }

    /// Bytes that a record takes.
    static func byteCount(_ shape: TrainedShape, capacity: Int) -> Int {
        let (tokens, d, inner) = (shape.tokens, shape.width, shape.attentionWidth)
        let row = 2 * d + 4 * inner + 2 * shape.feedForwardWidth + (shape.activatesOutput ? d : 0)
        let block = tokens * row + shape.heads * tokens * tokens
        return 4 * capacity * (shape.depth * block + tokens * d + shape.patches * shape.patchValues)
    }

    /// What goes into a block; for the depth what comes out of the last.
    func residual(_ block: Int) -> UnsafeMutablePointer<Float> {
        block < blocks.count ? blocks[block].input.start : output.start
    }
}
