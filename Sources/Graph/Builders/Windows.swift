import Base

/// A grid cut into windows of tokens, after it has been moved and filled up to whole windows.
struct Windows {
    let window: (rows: Int, columns: Int)
    private let rows: Int
    private let columns: Int
    private let shift: (rows: Int, columns: Int)

    /// - Parameter shift: by how much the grid is moved up and left; along a side that one window spans it is not.
    /// - Throws: `VitvideoError` of kind `badData` for an empty grid.
    init(
        rows: Int, columns: Int, window: (rows: Int, columns: Int), shift: (rows: Int, columns: Int) = (0, 0)
    ) throws {
        guard window.rows > 0, window.columns > 0 else {
            throw VitvideoError.badData("a window without a token")
        }
        (self.rows, self.columns, self.window) = (rows, columns, window)
        self.shift = (rows <= window.rows ? 0 : shift.rows, columns <= window.columns ? 0 : shift.columns)
    }

    private var paddedRows: Int { (rows + window.rows - 1) / window.rows * window.rows }
    private var paddedColumns: Int { (columns + window.columns - 1) / window.columns * window.columns }
    private var down: Int { paddedRows / window.rows }
    private var across: Int { paddedColumns / window.columns }

    /// 1 × rows × columns × C as windows × tokens × C.
    func cut(_ x: Value, _ graph: inout Graph) throws -> Value {
        let channels = graph.shape(x)[3]
        let rolled = try graph.roll(graph.roll(x, axis: 1, by: -shift.rows), axis: 2, by: -shift.columns)
        let padded = try graph.pad(
            rolled, before: [0, 0, 0, 0], after: [0, paddedRows - rows, paddedColumns - columns, 0])
        let apart = try graph.reshape(padded, [down, window.rows, across, window.columns, channels])
        return try graph.reshape(
            graph.transpose(apart, [0, 2, 1, 3, 4]), [down * across, window.rows * window.columns, channels])
    }

    /// What `cut` did, undone.
    func join(_ x: Value, _ graph: inout Graph) throws -> Value {
        let channels = graph.shape(x)[2]
        let apart = try graph.reshape(x, [down, across, window.rows, window.columns, channels])
        let padded = try graph.reshape(
            graph.transpose(apart, [0, 2, 1, 3, 4]), [1, paddedRows, paddedColumns, channels])
        let whole = try graph.slice(
            graph.slice(padded, axis: 1, from: 0, count: rows), axis: 2, from: 0, count: columns)
        return try graph.roll(graph.roll(whole, axis: 1, by: shift.rows), axis: 2, by: shift.columns)
    }

    /// What keeps tokens apart that the moving brought together, windows × 1 × N × N: −100 where they are of different
    /// regions; nil where nothing was moved.
    func mask(_ graph: inout Graph) throws -> Value? {
        guard shift != (0, 0) else { return nil }
        /// Which of three strips a line is in: before the last window, in it, and what came round.
        func region(_ line: Int, _ count: Int, _ window: Int, _ shift: Int) -> Int {
            shift == 0 ? 0 : line < count - window ? 0 : line < count - shift ? 1 : 2
        }
        var values: [Float] = []
        for top in 0..<down {
            for left in 0..<across {
                let regions = (0..<window.rows).flatMap { r in
                    (0..<window.columns).map { c in
                        3 * region(top * window.rows + r, paddedRows, window.rows, shift.rows)
                            + region(left * window.columns + c, paddedColumns, window.columns, shift.columns)
                    }
                }
                for a in regions { for b in regions { values.append(a == b ? 0 : -100) } }
            }
        }
        let count = window.rows * window.columns
        return graph.addParameter(values, try Shape([down * across, 1, count, count]))
    }

    /// What a query adds for a key by where it lies from it, heads × N × N.
    ///
    /// - Parameters:
    ///   - table: offsets × heads; those of one row after those of the one before.
    ///   - reach: how far the table's offsets go to each side, at least as far as the window.
    func bias(
        _ table: [Float], heads: Int, reach: (rows: Int, columns: Int), _ graph: inout Graph
    ) throws -> Value {
        let count = window.rows * window.columns
        var values: [Float] = []
        values.reserveCapacity(heads * count * count)
        let entries = (0..<count * count).map { pair in
            let (query, key) = (pair / count, pair % count)
            let rows = query / window.columns - key / window.columns
            let columns = query % window.columns - key % window.columns
            return (rows + reach.rows) * (2 * reach.columns + 1) + columns + reach.columns
        }
        for head in 0..<heads { for entry in entries { values.append(table[entry * heads + head]) } }
        return graph.addParameter(values, try Shape([heads, count, count]))
    }
}
