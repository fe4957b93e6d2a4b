import Graph

/// Mean attention distance of an attention matrix over whatever patches: how far, in pixels of the model's input, a patch
/// looks on average from its middle to the middles of the patches that it attends to. As `MeanAttentionDistance`, it is not
/// renormalized for what goes to other tokens.
package struct PlacedDistance {
    private let matrix: AttentionMatrix
    /// The distance of each row and column, windows × rows × columns; 0 where either is no patch.
    private let distances: [Float]
    private let patches: Int

    /// - Returns: nil where no patch asks.
    package init?(_ matrix: AttentionMatrix) {
        patches = matrix.rowPlaces.count { $0.pixels != nil }
        guard patches > 0 else { return nil }
        self.matrix = matrix
        let rows = matrix.rowPlaces.map(Self.middle)
        let columns = matrix.columnPlaces.map(Self.middle)
        var distances: [Float] = []
        distances.reserveCapacity(rows.count * matrix.columnCount)
        matrix.forEachRow { window, row, _ in
            let middle = rows[window * matrix.rowCount + row]
            for column in 0..<matrix.columnCount {
                let other = columns[window * matrix.columnCount + column]
                guard let middle, let other else {
                    distances.append(0)
                    continue
                }
                let gap = middle - other
                distances.append((gap * gap).sum().squareRoot())
            }
        }
        self.distances = distances
    }

    /// Of a patch's pixels.
    private static func middle(of place: Place) -> SIMD2<Float>? {
        place.pixels.map { pixels in
            SIMD2(
                Float(pixels.rows.lowerBound + pixels.rows.upperBound),
                Float(pixels.columns.lowerBound + pixels.columns.upperBound)) / 2
        }
    }

    /// - Parameter values: the matrix, as computed.
    /// - Returns: of each head, in pixels.
    package func ofHeads(_ values: UnsafeBufferPointer<Float>) -> [Double] {
        (0..<matrix.heads).map { head in
            var total = 0.0
            var at = 0
            matrix.forEachRow { window, row, _ in
                var sum: Float = 0
                for column in 0..<matrix.columnCount {
                    sum +=
                        values[matrix.offset(head: head, window: window, row: row, column: column)]
                        * distances[at + column]
                }
                total += Double(sum)
                at += matrix.columnCount
            }
            return total / Double(patches)
        }
    }
}
