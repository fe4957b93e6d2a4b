import Base

/// Shows the attention matrices of a picture's blocks in any order and as often as wanted, by strips of rows.
///
/// A forward pass leaves what went into each block, `depth × tokens × D` floats; from that any block's
/// attention is a LayerNorm and two products away. No `tokens × tokens` matrix is ever in memory, let alone
/// one a head or a block. Going from the last block to the first, rollout needs only a row where it would
/// need a matrix.
package final class AttentionReplay {
    package let pass: ForwardPass
    package let stripRows: Int

    private var attention: BlockAttention?
    private var positions = AttentionPositions(rotation: nil, biases: [])
    private var inputs = FloatBuffer(0)
    private var strip = FloatBuffer(0)

    /// - Parameter stripRows: rows shown at once.
    package init(pass: ForwardPass, stripRows: Int = AttentionStrip.usualRows) {
        precondition(stripRows > 0, "a strip has rows")
        self.pass = pass
        self.stripRows = stripRows
    }

    /// Runs the model on a picture, to be shown by `show` until the next call.
    ///
    /// - Parameter request: what else the pass should give back.
    /// - Throws: as `ForwardPass.run`.
    package func record(
        _ input: PatchMatrix, _ request: ForwardRequest = ForwardRequest(attentionBlocks: [])
    ) throws -> ForwardResult {
        let c = pass.model.configuration
        let tokens = c.specialTokens + input.rows * input.columns
        if attention?.tokens != tokens {
            attention = try BlockAttention(configuration: c, tokens: tokens)
            inputs = FloatBuffer(c.depth * tokens * c.width)
            strip = FloatBuffer(min(stripRows, tokens) * tokens)
        }
        positions = pass.model.attentionPositions(rows: input.rows, columns: input.columns)
        let inputs = inputs
        let stages = [ForwardStage.embedding] + (0..<max(c.depth - 1, 0)).map { .block($0) }
        return try pass.run(input, request, observing: Set(stages)) { stage, _, values in
            let block =
                switch stage {
                case .block(let index): index + 1
                default: 0
                }
            guard let from = values.baseAddress else { return }
            (inputs.start + block * values.count).update(from: from, count: values.count)
        }
    }

    /// Shows one block's attention: strips from the first token on, of each strip all heads in order.
    ///
    /// - Throws: `VitvideoError.noSuchBlock`, `VitvideoError` where the weights cannot be read, and what the
    ///   body throws.
    package func show(block: Int, _ body: (AttentionStrip) throws -> Void) throws {
        let c = pass.model.configuration
        guard (0..<c.depth).contains(block) else { throw VitvideoError.noSuchBlock(block, depth: c.depth) }
        guard let attention else { preconditionFailure("record comes before show") }
        let tokens = attention.tokens
        attention.load(
            try pass.attentionInput(of: block), block: block, x: inputs.start + block * tokens * c.width,
            positions: positions)
        try attention.forEachStrip(block: block, stripRows: stripRows, strip: strip, body)
    }
}
