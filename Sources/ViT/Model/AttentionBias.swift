import Glibc

/// What one block adds to its attention scores on one patch grid, by how far query and key lie apart (BEiT): class
/// token and R×C patches.
///
/// The stored table has a row for every pair of distances, (Δrow + R − 1)·(2C − 1) + Δcolumn + C − 1 with Δ = query −
/// key, and then three: class token to patch, patch to class token, class token to itself. A row holds a value a head.
struct AttentionBias: Sendable {
    private let rows: Int
    private let columns: Int
    /// By head, `(2R − 1) × (2C − 1)` in the opposite order, so that the keys of a row of patches lie in theirs.
    private let reversed: [Float]
    /// By head: the three values with the class token.
    private let classToPatch: [Float]
    private let patchToClass: [Float]
    private let classToClass: [Float]

    private var distances: Int { (2 * rows - 1) * (2 * columns - 1) }

    /// - Parameters:
    ///   - table: of the native grid, `entries × heads`.
    ///   - factor: what to multiply the values by.
    init(_ table: [Float], configuration c: Configuration, rows: Int, columns: Int, factor: Float) {
        self.rows = rows
        self.columns = columns
        let native = (rows: 2 * c.nativeRows - 1, columns: 2 * c.nativeColumns - 1)
        let target = (rows: 2 * rows - 1, columns: 2 * columns - 1)
        var reversed: [Float] = []
        for head in 0..<c.heads {
            let plane = (0..<native.rows * native.columns).map { factor * table[$0 * c.heads + head] }
            reversed += AttentionBias.resized(plane, native, target, by: c.positionInterpolation).reversed()
        }
        self.reversed = reversed
        let last = table.suffix(3 * c.heads).map { factor * $0 }
        classToPatch = Array(last[..<c.heads])
        patchToClass = Array(last[c.heads..<2 * c.heads])
        classToClass = Array(last[(2 * c.heads)...])
    }

    /// Sets a row to what a query's scores with all tokens are shifted by, `1 + R·C`.
    ///
    /// - Parameter query: a token's index; 0 is the class token.
    func fill(_ row: UnsafeMutablePointer<Float>, head: Int, query: Int) {
        let patches = row + 1
        guard query > 0 else {
            row[0] = classToClass[head]
            patches.update(repeating: classToPatch[head], count: rows * columns)
            return
        }
        row[0] = patchToClass[head]
        let (queryRow, queryColumn) = ((query - 1) / columns, (query - 1) % columns)
        reversed.withUnsafeBufferPointer { reversed in
            guard let start = reversed.baseAddress else { return }
            // Reversed, the entry of Δ = (0, 0) is at (R − 1, C − 1) as before, and that of a key further down is further
            // down.
            let first =
                start + head * distances + (rows - 1 - queryRow) * (2 * columns - 1) + columns - 1
                - queryColumn
            for keyRow in 0..<rows {
                (patches + keyRow * columns).update(from: first + keyRow * (2 * columns - 1), count: columns)
            }
        }
    }

    /// Adds the same to scores.
    ///
    /// - Parameters:
    ///   - scores: `count × (1 + R·C)`, of the queries from `firstQuery` on.
    ///   - row: scratch, `1 + R·C`.
    func add(
        to scores: UnsafeMutablePointer<Float>, head: Int, firstQuery: Int, count: Int, row: FloatBuffer
    ) {
        for query in 0..<count {
            fill(row.start, head: head, query: firstQuery + query)
            let to = scores + query * row.count
            for i in 0..<row.count { to[i] += row.start[i] }
        }
    }

    // MARK: Other grids

    /// A head's table of distances as a picture, resampled to another grid's distances.
    private static func resized(
        _ plane: [Float], _ from: (rows: Int, columns: Int), _ to: (rows: Int, columns: Int),
        by rule: PositionInterpolation
    ) -> [Float] {
        if from == to { return plane }
        let axes =
            switch rule {
            case .plain:
                (vertical: bilinear(from.rows, to.rows), horizontal: bilinear(from.columns, to.columns))
            case .antialiased, .scaled:
                (vertical: geometric(from.rows, to.rows), horizontal: geometric(from.columns, to.columns))
            }
        return axes.vertical.flatMap { y in
            axes.horizontal.map { x in
                func row(_ index: Int) -> Float {
                    let start = index * from.columns
                    return plane[start + x.low] * (1 - x.share) + plane[start + x.high] * x.share
                }
                return row(y.low) * (1 - y.share) + row(y.high) * y.share
            }
        }
    }

    /// A place between two entries of an axis: `share` is the second's.
    private typealias Place = (low: Int, high: Int, share: Float)

    /// transformers: `interpolate(mode="bilinear", align_corners=False)`.
    private static func bilinear(_ from: Int, _ to: Int) -> [Place] {
        (0..<to).map { target in
            let source = max(0, (Double(target) + 0.5) * Double(from) / Double(to) - 0.5)
            let low = min(Int(source), from - 1)
            return (low, min(low + 1, from - 1), Float(source - Double(low)))
        }
    }

    /// timm's `resize_rel_pos_bias_table`: entry ±i stands for the distance ±(1 + q + … + q^(i−1)), with the q at which
    /// the last one stands for the other grid's largest; linear between them, and constant beyond. (BEiT's own code has a
    /// cubic spline in place of linear.)
    private static func geometric(_ from: Int, _ to: Int) -> [Place] {
        let (half, reach) = (from / 2, to / 2)
        var (left, right, q) = (1.01, 1.5, 1.01)
        while right - left > 1e-6 {
            q = (left + right) / 2
            if (1 - pow(q, Double(half))) / (1 - q) > Double(reach) { right = q } else { left = q }
        }
        var distances: [Double] = []
        var distance = 1.0
        for i in 0..<half {
            distances.append(distance)
            distance += pow(q, Double(i + 1))
        }
        let entries = distances.reversed().map { -$0 } + [0] + distances
        return (-reach...reach).map { target in
            let target = Double(target)
            guard let high = entries.firstIndex(where: { $0 >= target }) else {
                return (from - 1, from - 1, 0)
            }
            if high == 0 { return (0, 0, 0) }
            let low = high - 1
            return (low, high, Float((target - entries[low]) / (entries[high] - entries[low])))
        }
    }
}

/// How the attention of a model's blocks depends on the places of the tokens in one patch grid.
struct AttentionPositions: Sendable {
    /// Nil where positions are not rotary.
    let rotation: Rotation?
    /// Of every block, or one for all; empty where scores are not shifted.
    private let biases: [AttentionBias]

    init(rotation: Rotation?, biases: [AttentionBias]) {
        self.rotation = rotation
        self.biases = biases
    }

    /// What a block adds to its scores before they are multiplied by 1/√d; nil for nothing.
    func bias(ofBlock index: Int) -> AttentionBias? {
        biases.isEmpty ? nil : biases[min(index, biases.count - 1)]
    }
}
