import Graph
import Pixels

/// Attention of matrices over different tokens as one flow over the picture's finest patches, from what comes out at last
/// back to the first block: what `RolloutFold` and `Relevance` do where all blocks have the same tokens.
///
/// A row r over the finest patches and the tokens beside them is kept. For a block, what a token of it weighs is the sum of
/// r over the patches that it stands for; what a key receives is spread evenly over its patches. A token that asks nothing in
/// a block keeps what it has. A window sees what is in it and 0 elsewhere, so that nothing has to be written out.
package struct PlacedFold {
    /// What a block does to the row.
    package enum Step: Sendable {
        /// r ← r·(F + I)/2, rows divided by their sums (Abnar & Zuidema 2020).
        case rollout
        /// r ← r + r·F (Chefer et al. 2021).
        case relevance
    }

    package let grid: PlaceGrid
    private let tokens: Int
    /// Which patches of the grid a place covers; a token has a number behind them.
    private let cells: [Place: [Int]]

    /// - Returns: nil where a matrix's rows stand for no tokens, such as channels'.
    package init?(_ matrices: [AttentionMatrix]) {
        guard matrices.allSatisfy(\.hasQueries), let grid = Self.grid(of: matrices) else { return nil }
        self.grid = grid
        tokens = matrices.map { max($0.queryTokens, $0.keyTokens) }.max() ?? 0
        let count = grid.rows * grid.columns
        var cells: [Place: [Int]] = [:]
        for place in matrices.flatMap({ $0.rowPlaces + $0.columnPlaces }) where cells[place] == nil {
            if let token = place.token {
                cells[place] = token < tokens ? [count + token] : []
            } else if let pixels = place.pixels {
                func covered(_ ranges: [Range<Int>], _ range: Range<Int>) -> [Int] {
                    ranges.indices.filter {
                        range.contains((ranges[$0].lowerBound + ranges[$0].upperBound - 1) / 2)
                    }
                }
                let columns = covered(grid.columnRanges, pixels.columns)
                cells[place] = covered(grid.rowRanges, pixels.rows).flatMap { row in
                    columns.map { row * grid.columns + $0 }
                }
            }
        }
        self.cells = cells
    }

    /// The finest grid of some matrices; nil where there are none.
    package static func grid(of matrices: [AttentionMatrix]) -> PlaceGrid? {
        matrices.flatMap { [$0.keys] + [$0.queries].compactMap { $0 } }
            .max { $0.rows * $0.columns < $1.rows * $1.columns }
    }

    /// The row over the finest patches after all blocks.
    ///
    /// - Parameters:
    ///   - matrices: those of all blocks, in the order of computation.
    ///   - fused: gives F of one of them, windows × rows × columns: the block's heads as one matrix.
    package func map(
        _ matrices: [AttentionMatrix], _ step: Step, fused: (AttentionMatrix) throws -> [Float]
    ) rethrows -> Plane {
        var row = matrices.last.map(start) ?? []
        for matrix in matrices.reversed() { row = fold(row, matrix, try fused(matrix), step) }
        return Plane(
            height: grid.rows, width: grid.columns, values: Array(row[..<(grid.rows * grid.columns)]))
    }

    /// The row before the last block: the class token where that has one, else all that asks there, evenly.
    private func start(_ last: AttentionMatrix) -> [Float] {
        var row = [Float](repeating: 0, count: grid.rows * grid.columns + tokens)
        let asking =
            last.queryTokens > 0
            ? [Place.token(0)] : Set(last.rowPlaces.filter { $0.pixels != nil }).sorted(by: order)
        for place in asking {
            let own = cells[place] ?? []
            for cell in own { row[cell] += 1 / Float(asking.count * own.count) }
        }
        return row
    }

    /// In which order places are added up, so that sums come out the same each time.
    private func order(_ a: Place, _ b: Place) -> Bool { (cells[a]?.first ?? 0) < (cells[b]?.first ?? 0) }

    /// The row one block further back.
    private func fold(_ row: [Float], _ matrix: AttentionMatrix, _ fused: [Float], _ step: Step) -> [Float] {
        var next = [Float](repeating: 0, count: row.count)
        var isAsking = [Bool](repeating: false, count: row.count)
        var received = [Float](repeating: 0, count: matrix.columnCount)
        for window in matrix.windowOffsets.indices {
            for i in received.indices { received[i] = 0 }
            for line in 0..<matrix.rowCount {
                guard let own = cells[matrix.rowPlaces[window * matrix.rowCount + line]] else { continue }
                let values = fused[
                    (window * matrix.rowCount + line)
                        * matrix.columnCount..<(window * matrix.rowCount + line + 1) * matrix.columnCount]
                let weight = own.reduce(0) { $0 + row[$1] }
                var share = weight
                if step == .rollout {
                    let sum = (values.reduce(0, +) + 1) / 2
                    share = weight / (2 * sum)
                    for cell in own { next[cell] += row[cell] / (2 * sum) }
                } else {
                    for cell in own { next[cell] += row[cell] }
                }
                for cell in own { isAsking[cell] = true }
                if share == 0 { continue }
                for (column, value) in zip(received.indices, values) { received[column] += share * value }
            }
            for column in received.indices where received[column] != 0 {
                guard let seen = cells[matrix.columnPlaces[window * matrix.columnCount + column]],
                    !seen.isEmpty
                else { continue }
                let part = received[column] / Float(seen.count)
                for cell in seen { next[cell] += part }
            }
        }
        for cell in row.indices where !isAsking[cell] { next[cell] += row[cell] }
        return next
    }
}

extension AttentionMatrix {
    /// F, windows × rows × columns: the heads as one, negative values 0.
    ///
    /// - Parameters:
    ///   - values: the matrix, as computed.
    ///   - factors: what each value is multiplied by first, such as a gradient.
    ///   - clampsEach: whether each head's negative values are set to 0, and not those of all together.
    package func fused(
        _ values: UnsafeBufferPointer<Float>, times factors: UnsafeBufferPointer<Float>? = nil,
        by fusion: HeadFusion,
        clampsEach: Bool = false
    ) -> [Float] {
        var result = [Float](repeating: 0, count: windowOffsets.count * rowCount * columnCount)
        for head in 0..<heads {
            var to = 0
            for window in windowOffsets.indices {
                for row in 0..<rowCount {
                    for column in 0..<columnCount {
                        let from = offset(head: head, window: window, row: row, column: column)
                        var value = values[from]
                        if let factors { value *= factors[from] }
                        if clampsEach, value < 0 { value = 0 }
                        switch (head, fusion) {
                        case (0, _): result[to] = value
                        case (_, .mean): result[to] += value
                        case (_, .min): result[to] = min(result[to], value)
                        case (_, .max): result[to] = max(result[to], value)
                        }
                        to += 1
                    }
                }
            }
        }
        let scale = fusion == .mean ? 1 / Float(heads) : 1
        for i in result.indices { result[i] = result[i] > 0 ? result[i] * scale : 0 }
        return result
    }
}

extension Plane {
    /// Divided by the largest value; all 0 where none is above 0.
    package var scaledToOne: Plane {
        let largest = values.max() ?? 0
        return Plane(
            height: height, width: width, values: values.map { largest > 0 ? $0 / largest : 0 })
    }

    /// The same map on a grid of more cells over the same part of the picture: each takes what its middle lies in.
    package func spread(rows: Int, columns: Int) -> Plane {
        if rows == height, columns == width { return self }
        var values: [Float] = []
        values.reserveCapacity(rows * columns)
        for row in 0..<rows {
            let from = min(height - 1, (2 * row + 1) * height / (2 * rows))
            for column in 0..<columns {
                values.append(self[from, min(width - 1, (2 * column + 1) * width / (2 * columns))])
            }
        }
        return Plane(height: rows, width: columns, values: values)
    }
}
