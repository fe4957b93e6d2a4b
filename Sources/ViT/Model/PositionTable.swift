import Glibc

/// The position tables that are added to the patches.
package enum PositionTable {
    /// A learned table carried from the grid it was trained on to another one.
    ///
    /// - Parameters:
    ///   - table: `nativeRows · nativeColumns × width`, the patch entries only.
    /// - Returns: `rows · columns × width`; the table itself where the grid is the native one.
    static func interpolated(
        _ table: [Float], configuration: Configuration, rows: Int, columns: Int
    ) -> [Float] {
        let (fromRows, fromColumns) = (configuration.nativeRows, configuration.nativeColumns)
        if rows == fromRows && columns == fromColumns { return table }
        let vertical: ResizeWeights
        let horizontal: ResizeWeights
        switch configuration.positionInterpolation {
        case .scaled:
            // The 0.1 was meant to keep a floor() from rounding down; the weights were published with it.
            vertical = .bicubic(
                from: fromRows, to: rows, scale: (Double(rows) + 0.1) / Double(fromRows))
            horizontal = .bicubic(
                from: fromColumns, to: columns, scale: (Double(columns) + 0.1) / Double(fromColumns))
        case .plain:
            vertical = .bicubic(from: fromRows, to: rows, scale: Double(rows) / Double(fromRows))
            horizontal = .bicubic(
                from: fromColumns, to: columns, scale: Double(columns) / Double(fromColumns))
        case .antialiased:
            let filter = { ResizeWeights.cubic($0, a: -0.5) }
            vertical = .antialiased(from: fromRows, to: rows, radius: 2, filter: filter)
            horizontal = .antialiased(from: fromColumns, to: columns, radius: 2, filter: filter)
        }
        return resized(
            table, columns: fromColumns, width: configuration.width, vertical: vertical,
            horizontal: horizontal)
    }

    /// The fixed table of MAE and I-JEPA (`get_2d_sincos_pos_embed`): the first D/2 channels of the column,
    /// the others of the row. For a coordinate p each half is [sin(p·ω₀) …, cos(p·ω₀) …] with ωᵢ =
    /// 10000^(−4i/D).
    ///
    /// - Parameter width: D, a multiple of 4.
    /// - Returns: `rows · columns × width`.
    package static func sineCosine(rows: Int, columns: Int, width: Int) -> [Float] {
        let quarter = width / 4
        precondition(quarter > 0 && width == 4 * quarter, "a sine-cosine table has a width of four parts")
        let frequencies = (0..<quarter).map { pow(10_000, -Double($0) / Double(quarter)) }
        func encoded(_ coordinate: Int) -> [Float] {
            let angles = frequencies.map { Double(coordinate) * $0 }
            return angles.map { Float(sin($0)) } + angles.map { Float(cos($0)) }
        }
        return (0..<rows).flatMap { row in
            (0..<columns).flatMap { column in encoded(column) + encoded(row) }
        }
    }

    private static func resized(
        _ table: [Float], columns: Int, width: Int, vertical: ResizeWeights, horizontal: ResizeWeights
    ) -> [Float] {
        let fromRows = table.count / (columns * width)
        let stretched = weightedRows(
            table, groups: fromRows, groupStride: columns * width, unit: width, by: horizontal)
        // Vertically a whole row of the stretched table is one unit.
        return weightedRows(
            stretched, groups: 1, groupStride: stretched.count,
            unit: horizontal.first.count * width, by: vertical)
    }

    /// In each group of units of `unit` floats, every target unit becomes the weighted sum of source units.
    private static func weightedRows(
        _ source: [Float], groups: Int, groupStride: Int, unit: Int, by axis: ResizeWeights
    ) -> [Float] {
        let count = axis.first.count
        var result = [Float](repeating: 0, count: groups * count * unit)
        source.withUnsafeBufferPointer { source in
            result.withUnsafeMutableBufferPointer { result in
                for group in 0..<groups {
                    for target in 0..<count {
                        let to = (group * count + target) * unit
                        for tap in 0..<axis.taps {
                            let weight = axis.weights[target * axis.taps + tap]
                            if weight == 0 { continue }
                            let from = group * groupStride + (Int(axis.first[target]) + tap) * unit
                            for i in 0..<unit { result[to + i] += weight * source[from + i] }
                        }
                    }
                }
            }
        }
        return result
    }
}
