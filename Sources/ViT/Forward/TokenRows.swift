/// The tokens that the steps of a block work on, and where their rows are. Row i of queries, keys and values and of the
/// heads' outputs is that of the same token.
struct TokenRows {
    /// Their residual stream, `count × D`.
    let residual: UnsafeMutablePointer<Float>
    let count: Int
    /// Which tokens they are, in ascending order; nil for all.
    let tokens: UnsafePointer<Int32>?
    /// Keys and values of all tokens.
    let packed: PackedHeads
    /// Rows that a worker handles together in the linear layers. It decides nothing about the result but which kernel of
    /// a library computes it, so it may depend on the rows but not on the workers.
    let tile: Int

    /// All tokens of a pass.
    init(of scratch: Scratch) {
        self.init(residual: scratch.residual, count: scratch.tokens, packed: scratch.packed)
    }

    /// - Parameter tokens: which they are; nil for all.
    init(
        residual: UnsafeMutablePointer<Float>, count: Int, tokens: UnsafePointer<Int32>? = nil,
        packed: PackedHeads, tile: Int = Scratch.rowTile
    ) {
        self.residual = residual
        self.count = count
        self.tokens = tokens
        self.packed = packed
        self.tile = tile
    }

    func token(ofRow row: Int) -> Int { tokens.map { Int($0[row]) } ?? row }

    /// Calls `body` with the first row and the tokens of every run of neighboring tokens among some rows.
    func forRuns(in rows: Range<Int>, _ body: (_ row: Int, _ tokens: Range<Int>) -> Void) {
        guard let tokens else { return body(rows.lowerBound, rows) }
        var row = rows.lowerBound
        while row < rows.upperBound {
            let first = Int(tokens[row])
            var end = row + 1
            while end < rows.upperBound, Int(tokens[end]) == first + end - row { end += 1 }
            body(row, first..<first + end - row)
            row = end
        }
    }
}
