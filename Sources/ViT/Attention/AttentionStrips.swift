/// Shows the attention matrices that `ForwardStage.queriesKeysValues` stands for, by strips of rows, while
/// the forward pass is at that block: in the order of the blocks, with nothing kept of them.
package final class AttentionStrips {
    private let model: Model
    private var configuration: Configuration { model.configuration }
    private let stripRows: Int
    private var attention: BlockAttention?
    private var strip = FloatBuffer(0)

    /// - Parameter stripRows: rows shown at once.
    package init(model: Model, stripRows: Int = AttentionStrip.usualRows) {
        precondition(stripRows > 0, "a strip has rows")
        self.model = model
        self.stripRows = stripRows
    }

    /// Shows one block's attention: strips from the first token on, of each strip all heads in order.
    ///
    /// - Parameters:
    ///   - queriesKeysValues: `tokens × 3D`.
    ///   - rows, columns: of the picture's grid.
    /// - Throws: `VitvideoError.mathLibraryMissing`, and what the body throws.
    package func show(
        block: Int, queriesKeysValues: UnsafeBufferPointer<Float>, rows: Int, columns: Int,
        _ body: (AttentionStrip) throws -> Void
    ) throws {
        let tokens = queriesKeysValues.count / (3 * configuration.width)
        let attention: BlockAttention
        if let kept = self.attention, kept.tokens == tokens {
            attention = kept
        } else {
            attention = try BlockAttention(configuration: configuration, tokens: tokens)
            strip = FloatBuffer(min(stripRows, tokens) * tokens)
            self.attention = attention
        }
        attention.load(
            qkv: queriesKeysValues,
            bias: model.attentionPositions(rows: rows, columns: columns).bias(ofBlock: block))
        try attention.forEachStrip(block: block, stripRows: stripRows, strip: strip, body)
    }
}
