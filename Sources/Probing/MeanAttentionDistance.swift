import Pixels
import ViT

/// Mean attention distance (Dosovitskiy et al. 2021, as the Keras example computes it): how far, in pixels of
/// the model's input, a patch looks on average, for every head of every block.
///
/// D_ij = patch · ‖Δ(row, column)‖₂; a head's distance is mean_i Σ_j A[S+i, S+j] · D_ij, *not* renormalized
/// for what goes to the special tokens. Over several pictures the mean is taken, in the memory of one.
package final class MeanAttentionDistance {
    /// Pictures measured so far.
    package private(set) var pictures = 0
    private let pass: ForwardPass
    private let strips: AttentionStrips
    private var sums: [Double]
    /// Of the picture under way.
    private var distances: [Double] = []
    private var table = DistanceTable(rows: 0, columns: 0, patchSize: 0)

    package init(pass: ForwardPass, stripRows: Int = AttentionStrip.usualRows) {
        self.pass = pass
        let c = pass.model.configuration
        strips = AttentionStrips(model: pass.model, stripRows: stripRows)
        sums = [Double](repeating: 0, count: c.depth * c.heads)
    }

    /// Measures one picture and adds it to the mean.
    ///
    /// - Parameter request: what else the forward pass should give back.
    /// - Returns: this picture's distances, `blocks × heads` in pixels, and the pass's result.
    /// - Throws: as `ForwardPass.run`; a picture that throws is not counted.
    @discardableResult
    package func add(
        _ input: PatchMatrix, _ request: ForwardRequest = ForwardRequest(attentionBlocks: [])
    ) throws -> (distances: [[Double]], result: ForwardResult) {
        begin(rows: input.rows, columns: input.columns)
        let result = try pass.run(input, request, observing: stages) { stage, _, values in
            try self.observe(stage, values)
        }
        return (end(), result)
    }

    // MARK: As a part of somebody else's pass

    /// What `observe` is to be called for.
    package var stages: Set<ForwardStage> {
        Set((0..<pass.model.configuration.depth).map { .queriesKeysValues(block: $0) })
    }

    /// Begins a picture; one that is not ended does not count.
    package func begin(rows: Int, columns: Int) {
        let c = pass.model.configuration
        if table.rows != rows || table.columns != columns {
            table = DistanceTable(rows: rows, columns: columns, patchSize: c.patchSize)
        }
        distances = [Double](repeating: 0, count: c.depth * c.heads)
    }

    /// Looks on at the pass over the picture.
    ///
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    package func observe(_ stage: ForwardStage, _ values: UnsafeBufferPointer<Float>) throws {
        guard case .queriesKeysValues(let block) = stage else { return }
        let c = pass.model.configuration
        let table = table
        try strips.show(
            block: block, queriesKeysValues: values, rows: table.rows, columns: table.columns
        ) { strip in
            distances[block * c.heads + strip.head] += table.sum(strip, specialTokens: c.specialTokens)
        }
    }

    /// Ends the picture and adds it to the mean.
    ///
    /// - Returns: its distances, `blocks × heads` in pixels.
    package func end() -> [[Double]] {
        let patches = Double(table.rows * table.columns)
        for i in distances.indices {
            distances[i] /= patches
            sums[i] += distances[i]
        }
        pictures += 1
        return byBlock(distances)
    }

    /// The mean over all pictures, `blocks × heads` in pixels; 0 without pictures.
    package var mean: [[Double]] { byBlock(sums.map { $0 / Double(max(pictures, 1)) }) }

    private func byBlock(_ values: [Double]) -> [[Double]] {
        let heads = pass.model.configuration.heads
        return stride(from: 0, to: values.count, by: heads).map { Array(values[$0..<$0 + heads]) }
    }
}

/// Distances between patches of a grid by their offset: `rows × (2 · columns − 1)` instead of N².
private struct DistanceTable {
    let rows: Int
    let columns: Int
    /// By difference of rows 0…, then difference of columns from −(columns − 1) on, in pixels.
    private let distances: [Float]

    init(rows: Int, columns: Int, patchSize: Int) {
        self.rows = rows
        self.columns = columns
        distances = (0..<rows).flatMap { row in
            (0..<max(2 * columns - 1, 0)).map { at in
                let column = at - (columns - 1)
                return Float(patchSize) * Float(row * row + column * column).squareRoot()
            }
        }
    }

    /// Σ_i Σ_j A_ij · D_ij over a strip's rows that are patches.
    func sum(_ strip: AttentionStrip, specialTokens: Int) -> Double {
        guard let values = strip.values.baseAddress else { return 0 }
        let width = 2 * columns - 1
        return distances.withUnsafeBufferPointer { distances in
            guard let distances = distances.baseAddress else { return 0 }
            var total = 0.0
            for r in 0..<strip.rows where strip.firstRow + r >= specialTokens {
                let patch = strip.firstRow + r - specialTokens
                let (row, column) = (patch / columns, patch % columns)
                let attention = values + r * strip.tokens + specialTokens
                var sum: Float = 0
                for other in 0..<rows {
                    let line = distances + abs(other - row) * width + (columns - 1 - column)
                    sum += VectorSum.product(attention + other * columns, line, count: columns)
                }
                total += Double(sum)
            }
            return total
        }
    }
}
