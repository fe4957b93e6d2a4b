/// What the values of a tensor stand for.
///
/// A value of a token's features stands for the token's patch. A value of an attention matrix stands for two: the query's
/// patch, by its row, and the key's, by its column.
package struct Places: Sendable, Hashable {
    package var rows: PlaceTensor
    /// Of a matrix of queries by keys; nil for others.
    package var columns: PlaceTensor?

    init(_ rows: PlaceTensor, columns: PlaceTensor? = nil) {
        self.rows = rows
        self.columns = columns
    }

    /// What a parameter stands for: nothing.
    static func parameter(rank: Int) -> Places { Places(PlaceTensor(.none, rank: rank)) }

    /// The same done to rows' and to columns' places.
    func map(_ move: (PlaceTensor) -> PlaceTensor) -> Places {
        // Columns that all stand for the same, such as a row's sum, stand for nothing of their own.
        Places(move(rows), columns: columns.map(move).flatMap { $0.varies ? $0 : nil })
    }

    var isNone: Bool { columns == nil && rows.isNone }

    /// What stands for what two tensors stand for, value by value, as an elementwise function of both puts it out.
    ///
    /// One that is the same along an axis which the other one has says nothing about places along it: a mean, a gate for
    /// each channel.
    static func elementwise(_ a: Places, _ b: Places) -> Places {
        let rank = max(a.rows.rank, b.rows.rank)
        let (a, b) = (a.map { $0.padded(to: rank) }, b.map { $0.padded(to: rank) })
        if b.isNone || b.isStretched(over: a) { return a }
        if a.isNone || a.isStretched(over: b) { return b }
        switch (a.columns, b.columns) {
        case (nil, nil): return Places(a.rows.combined(b.rows) { $0.finer($1) })
        case (_?, nil): return a
        case (nil, _?): return b
        case (let x?, let y?): return Places(a.rows.union(b.rows), columns: x.union(y))
        }
    }

    /// Whether this is the same along axes along which another one's places change.
    private func isStretched(over other: Places) -> Bool {
        !rows.varies && columns == nil && (other.rows.varies || other.columns != nil)
    }
}
