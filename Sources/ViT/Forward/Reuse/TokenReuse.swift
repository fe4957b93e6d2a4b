import CKernels

/// What a pass over one frame of a video keeps for the next, so that tokens that have hardly moved are not computed
/// again: gates as in Eventful Transformers (Dutson, Li & Gupta 2023), one before each block.
///
/// In block b a token i has the value x_i, was last computed when it had r_i, and the block added y_i to it then. It is
/// computed again where
///
///     ‖x_i − r_i‖ > τ_b · w_i · ‖r_i‖,
///
/// from the keys and values of all tokens as they are by now; elsewhere the block adds y_i once more. τ_b falls with the
/// depth, and w_i is smaller where more is looked at. Prefix tokens are always computed, and in every picture some of the
/// others in turn: what a token attends to changes without its own value moving. A picture of which three quarters have
/// moved before the first block is computed whole.
package final class TokenReuse {
    /// How the next picture is computed.
    package enum Step: Sendable, Equatable {
        /// Whole, and nothing is kept nor forgotten.
        case apart
        /// Whole, and everything kept.
        case renewing
        /// Only what has moved by more than τ; whole where nothing is kept for its size.
        case reusing(threshold: Float)
    }

    package var step = Step.apart
    /// Share of all tokens and blocks that the last picture computed.
    package var computedShare: Double { passed == 0 ? 1 : Double(computed) / Double(passed) }

    private var blocks: [KeptBlock] = []
    private var grid = (rows: 0, columns: 0)
    private var threshold: Float?
    private var computed = 0
    private var passed = 0
    private var weights: [Float] = []
    private var choice = TokenChoice(tokens: 0, prefix: 0)
    private var gathered = FloatBuffer(0)
    private var distances = FloatBuffer(0)

    package init() {}

    /// τ_b as a multiple of τ.
    private static func depthFactor(_ block: Int, of depth: Int) -> Float {
        1.6 - 1.1 * Float(block) / Float(max(depth - 1, 1))
    }

    /// Makes ready for a picture.
    ///
    /// - Returns: nil where its blocks do not pass through here.
    func begin(_ pass: BlockPass, rows: Int, columns: Int, precision: Precision) -> TokenReuse? {
        switch step {
        case .apart: return nil
        case .renewing: threshold = nil
        case .reusing(let value): threshold = value
        }
        if grid != (rows, columns) || blocks.isEmpty {
            let sizes = ScratchSizes(configuration: pass.c, precision: precision, tokens: pass.tokens)
            blocks = (0..<pass.c.depth).map { _ in KeptBlock(sizes, tokens: pass.tokens, width: pass.d) }
            choice = TokenChoice(tokens: pass.tokens, prefix: pass.c.specialTokens)
            gathered = FloatBuffer(pass.tokens * pass.d)
            distances = FloatBuffer(pass.tokens)
            grid = (rows, columns)
            threshold = nil
        }
        if threshold == nil {
            // What comes of it depends on nothing before.
            weights = []
            for block in blocks { block.turn = 0 }
        }
        (computed, passed) = (0, 0)
        return self
    }

    /// Runs a block over the residual stream.
    func run(_ block: PackedBlock, _ index: Int, _ pass: BlockPass) throws {
        let kept = blocks[index]
        passed += pass.tokens
        guard let threshold, kept.isFilled else { return try renew(kept, block, index, pass) }
        let count = try choose(kept, threshold * Self.depthFactor(index, of: pass.c.depth), index, pass)
        if index == 0, 4 * count >= 3 * pass.tokens {
            // Another scene, or a camera that moves.
            self.threshold = nil
            return try renew(kept, block, index, pass)
        }
        if 10 * count >= 9 * pass.tokens { return try renew(kept, block, index, pass) }
        computed += count

        let d = pass.d
        var part = pass
        let tokens = choice.tokens
        part.chosen = TokenRows(
            residual: gathered.start, count: count, tokens: tokens, packed: kept.packed,
            tile: TokenChoice.tile(rows: count))
        let (residual, rowsOfChosen) = (pass.scratch.residual, gathered.start)
        try part.forRowTiles { start, rows, _ in
            for row in start..<start + rows {
                let from = residual + Int(tokens[row]) * d
                (rowsOfChosen + row * d).update(from: from, count: d)
                (kept.before.start + Int(tokens[row]) * d).update(from: from, count: d)
            }
        }
        try part.projectQKV(block)
        try part.attend(index)
        try part.projectAndFeedForward(block)
        try part.forRowTiles { start, rows, _ in
            for row in start..<start + rows {
                kept.keep(Int(tokens[row])..<Int(tokens[row]) + 1, after: rowsOfChosen + row * d)
            }
        }
        try pass.forRowTiles { start, rows, _ in
            vv_add(residual + start * d, kept.added.start + start * d, rows * d)
        }
    }

    /// Takes over where this picture was looked at, for the next one: w is the mean attention over a patch's own, between a
    /// quarter and three, as an error shows in a map in proportion to the attention there.
    ///
    /// - Parameter attention: that is shown of this picture.
    func weigh(by attention: TokenAttention) {
        let patches = attention.rows * attention.columns
        var sums = [Float](repeating: 0, count: patches)
        for head in 0..<attention.heads {
            for patch in 0..<patches { sums[patch] += attention.values[head * patches + patch] }
        }
        let mean = sums.reduce(0, +) / Float(patches)
        guard mean > 0 else { return }
        weights = sums.map { min(max(mean / max($0, .leastNormalMagnitude), 0.25), 3) }
    }

    private func renew(_ kept: KeptBlock, _ block: PackedBlock, _ index: Int, _ pass: BlockPass) throws {
        computed += pass.tokens
        let residual = pass.scratch.residual
        var whole = pass
        whole.chosen = TokenRows(residual: residual, count: pass.tokens, packed: kept.packed)
        kept.before.start.update(from: residual, count: pass.tokens * pass.d)
        try whole.projectQKV(block)
        try whole.attend(index)
        try whole.projectAndFeedForward(block)
        try whole.forRowTiles { start, rows, _ in
            kept.keep(start..<start + rows, after: residual + start * pass.d)
        }
        kept.isFilled = true
    }

    /// - Returns: how many tokens `choice` has.
    private func choose(_ kept: KeptBlock, _ threshold: Float, _ index: Int, _ pass: BlockPass) throws -> Int
    {
        let d = pass.d
        try pass.forRowTiles { start, rows, _ in
            vv_row_distances(
                distances.start + start, pass.scratch.residual + start * d, kept.before.start + start * d,
                rows, d)
        }
        return choice.choose(
            distances: distances.start, squares: kept.squares.start, threshold: threshold, weights: weights,
            turn: &kept.turn)
    }
}

/// What is kept of one block.
final class KeptBlock {
    /// r, `tokens × D`: what each token was when it was computed.
    let before: FloatBuffer
    /// y, `tokens × D`: what the block added to it.
    let added: FloatBuffer
    /// ‖r‖² of each token.
    let squares: FloatBuffer
    let packed: PackedHeads
    var isFilled = false
    /// Where the tokens that are computed in turn have come to.
    var turn = 0
    private let width: Int

    init(_ sizes: ScratchSizes, tokens: Int, width: Int) {
        self.width = width
        before = FloatBuffer(tokens * width)
        added = FloatBuffer(tokens * width)
        squares = FloatBuffer(tokens)
        packed = PackedHeads(sizes)
    }

    /// Keeps what came out of the block for neighboring tokens, of which `before` holds what went in.
    func keep(_ tokens: Range<Int>, after: UnsafePointer<Float>) {
        let place = tokens.lowerBound * width
        vv_subtract(added.start + place, after, before.start + place, tokens.count * width)
        vv_row_squares(squares.start + tokens.lowerBound, before.start + place, tokens.count, width)
    }
}
