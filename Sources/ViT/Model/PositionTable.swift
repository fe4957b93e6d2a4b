/// Carries a position table from the grid it was trained on to another one.
enum PositionEmbedding {
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
