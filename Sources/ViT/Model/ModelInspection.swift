/// Weights that are looked at rather than computed with.
extension Model {
    /// The patch embedding's filters, `D × 3 × patch × patch`.
    package var patchFilters: [Float] { weights.patchEmbedding.weight }

    /// The positions that the patches get on a grid, `rows · columns × D`; on the native grid the learned
    /// table.
    package func positions(rows: Int, columns: Int) -> [Float] {
        patchPositions(rows: rows, columns: columns)
    }
}
