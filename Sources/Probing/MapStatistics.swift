import Glibc
import Pixels

/// Figures that describe a map or compare two. Sums run in double precision.
///
/// A figure that is not defined (the entropy of a map without mass, the correlation with a constant map) is
/// NaN.
package enum MapStatistics {
    /// The Shannon entropy of a map taken as a distribution over its cells, −Σ p ln p with p = m / Σm, in nats:
    /// 0 where one cell has everything, ln(cells) where all have the same. Values below 0 count as 0.
    package static func entropyNats(of map: Plane) -> Double {
        var sum = 0.0
        var weighted = 0.0
        for value in map.values where value > 0 {
            let mass = Double(value)
            sum += mass
            weighted += mass * log(mass)
        }
        // −Σ (m/S) ln(m/S) = ln S − (Σ m ln m) / S
        return sum > 0 ? max(0, log(sum) - weighted / sum) : .nan
    }

    /// The share of the mass that lies in the `share` of the cells with the most of it, 0…1. The number of cells
    /// is rounded down, but at least one. Values below 0 count as 0.
    ///
    /// - Precondition: `share` is within 0…1.
    package static func topMass(of map: Plane, share: Double = 0.1) -> Double {
        precondition((0...1).contains(share), "a share is within 0...1")
        let values = map.values.map { Double(max(0, $0)) }.sorted(by: >)
        let sum = values.reduce(0, +)
        guard sum > 0 else { return .nan }
        let count = max(1, Int(Double(values.count) * share))
        return values.prefix(count).reduce(0, +) / sum
    }

    /// Pearson's correlation of two maps over their cells, −1…1.
    ///
    /// - Precondition: the maps are of one size.
    package static func correlation(_ a: Plane, _ b: Plane) -> Double {
        precondition(a.height == b.height && a.width == b.width, "maps of one size")
        let count = Double(a.values.count)
        let meanA = a.values.reduce(0) { $0 + Double($1) } / count
        let meanB = b.values.reduce(0) { $0 + Double($1) } / count
        var (products, squaresA, squaresB) = (0.0, 0.0, 0.0)
        for (x, y) in zip(a.values, b.values) {
            let (dx, dy) = (Double(x) - meanA, Double(y) - meanB)
            products += dx * dy
            squaresA += dx * dx
            squaresB += dy * dy
        }
        let scale = (squaresA * squaresB).squareRoot()
        return scale > 0 ? min(1, max(-1, products / scale)) : .nan
    }

    /// Pearson's correlation of two maps of the same picture, each resampled to the coarser grid of the two:
    /// the smaller number of rows by the smaller number of columns.
    ///
    /// Maps are taken to cover the picture; that a model leaves out less than a patch at the right and at the
    /// bottom is disregarded.
    package static func correlationOnCommonGrid(_ a: Plane, _ b: Plane) -> Double {
        let (rows, columns) = (min(a.height, b.height), min(a.width, b.width))
        return correlation(
            AreaAverage.resample(a, rows: rows, columns: columns),
            AreaAverage.resample(b, rows: rows, columns: columns))
    }
}

/// Resampling by area: each new cell is the mean of what it covers, cells cut by its border counting in part.
package enum AreaAverage {
    /// The map on a grid of `rows × columns` over the same area, or over the part of it from the top left corner.
    ///
    /// - Parameters:
    ///   - height: how much of the map's height the grid covers, in its cells, above 0; nil for all.
    ///   - width: likewise.
    /// - Precondition: `rows` and `columns` are positive and the map is not empty.
    package static func resample(
        _ map: Plane, rows: Int, columns: Int, height: Double? = nil, width: Double? = nil
    ) -> Plane {
        precondition(min(rows, columns, map.height, map.width) > 0, "grids have cells")
        if rows == map.height && columns == map.width && height == nil && width == nil { return map }
        let vertical = Span.all(count: rows, extent: height, length: map.height)
        let horizontal = Span.all(count: columns, extent: width, length: map.width)
        var out = Plane(height: rows, width: columns)
        var line = [Float](repeating: 0, count: map.width)
        map.values.withUnsafeBufferPointer { values in
            line.withUnsafeMutableBufferPointer { line in
                for row in 0..<rows {
                    line.update(repeating: 0)
                    for (offset, weight) in vertical[row].weights.enumerated() {
                        let source = values.baseAddress! + (vertical[row].first + offset) * map.width
                        for x in 0..<map.width { line[x] += weight * source[x] }
                    }
                    for column in 0..<columns {
                        var sum: Float = 0
                        for (offset, weight) in horizontal[column].weights.enumerated() {
                            sum += weight * line[horizontal[column].first + offset]
                        }
                        out[row, column] = sum
                    }
                }
            }
        }
        return out
    }

    /// The source cells under one new cell of an axis, with weights that sum to 1.
    private struct Span {
        let first: Int
        let weights: [Float]

        /// Spans for `count` cells that share the first `extent` source cells of `length`.
        static func all(count: Int, extent: Double?, length: Int) -> [Span] {
            let scale = min(Double(length), extent ?? Double(length)) / Double(count)
            return (0..<count).map {
                Span(from: Double($0) * scale, to: Double($0 + 1) * scale, length: length)
            }
        }

        init(from start: Double, to end: Double, length: Int) {
            let first = min(length - 1, Int(start))
            let last = max(first, min(length - 1, Int(end.rounded(.up)) - 1))
            let covered = (first...last).map { max(0, min(end, Double($0 + 1)) - max(start, Double($0))) }
            let sum = covered.reduce(0, +)
            self.first = first
            weights = covered.map { Float($0 / sum) }
        }
    }
}
