import Base
import ViT

// Tensors brought from one grid to another.

extension Graph {
    /// Each value along an axis made of some of those that there are.
    mutating func resample(_ x: Value, axis: Int, by weights: ResizeWeights) throws -> Value {
        let taps = weights.first.indices.map { place in
            (0..<weights.taps).compactMap { tap -> (index: Int, weight: Float)? in
                let weight = weights.weights[place * weights.taps + tap]
                return weight == 0 ? nil : (Int(weights.first[place]) + tap, weight)
            }
        }
        return try apply(Resample(shape(x), axis: axis, taps: taps), [x])
    }

    /// N × C × H × W at another size, bilinear and without antialiasing, as `interpolate` of PyTorch does it.
    mutating func bilinear(_ x: Value, rows: Int, columns: Int) throws -> Value {
        let s = shape(x)
        let tall = try resample(x, axis: 2, by: .bilinear(from: s[2], to: rows))
        return try resample(tall, axis: 3, by: .bilinear(from: s[3], to: columns))
    }
}

extension ModelBuilder {
    /// A table of positions for a grid that may be another than the one it was learned for: resampled as timm does,
    /// bicubic and antialiased (`resample_abs_pos_embed`).
    ///
    /// - Parameters:
    ///   - table: some of its axes are rows and columns.
    ///   - axis: that of rows; columns are the next one.
    private mutating func resampled(_ table: Value, axis: Int, rows: Int, columns: Int) throws -> Value {
        let s = sizes(table)
        if (s[axis], s[axis + 1]) == (rows, columns) { return table }
        func weights(from source: Int, to target: Int) -> ResizeWeights {
            .antialiased(from: source, to: target, radius: 2) { ResizeWeights.cubic($0, a: -0.5) }
        }
        let tall = try graph.resample(table, axis: axis, by: weights(from: s[axis], to: rows))
        return try graph.resample(tall, axis: axis + 1, by: weights(from: s[axis + 1], to: columns))
    }

    /// x, 1 × C × H × W, and what the table `name`, 1 × C × rows × columns, has for each place.
    mutating func addPositions(toPicture x: Value, _ name: String) throws -> Value {
        let (s, table) = (sizes(x), try parameter(name))
        guard sizes(table).count == 4, sizes(table)[0...1] == s[0...1], graph.shape(table).count > 0 else {
            throw misshapen(name)
        }
        return try graph.add(x, resampled(table, axis: 2, rows: s[2], columns: s[3]))
    }

    /// Tokens of x, 1 × C × H × W, and what the table `name`, 1 × N × C, has for each: 1 × H·W × C.
    ///
    /// - Parameter patch: what a token is made of. The table's grid is that of the picture that the constructor was told,
    ///   else a square.
    mutating func addPositions(
        toTokensOf x: Value, _ name: String, patch: (rows: Int, columns: Int)
    ) throws -> Value {
        let (s, t) = (sizes(x), try weights.sizes(of: name))
        guard t.count == 3, t[0] == 1, t[1] > 0, t[2] == s[1] else { throw misshapen(name) }
        let side = Int(Double(t[1]).squareRoot())
        let told = weights.pair("img_size").map { ($0.rows / patch.rows, $0.columns / patch.columns) }
        let grid = [told, (side, side)].compactMap(\.self).first {
            $0.0 > 0 && $0.1 > 0 && t[1] / $0.0 == $0.1 && t[1] % $0.0 == 0
        }
        guard let grid else { throw misshapen(name) }
        let table = try resampled(
            parameter(name, [1, grid.0, grid.1, t[2]]), axis: 1, rows: s[2], columns: s[3])
        return try graph.add(tokens(x), graph.reshape(table, [1, s[2] * s[3], s[1]]))
    }
}
