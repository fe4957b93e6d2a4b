import Pixels
import ViT

/// A row r of the product r·Ã_L ⋯ Ã_1, taken from the last block to the first: the class token's, r = e₀; in a model
/// without one that of what is pooled after the last block (`RolloutStart`).
///
/// Multiplying from the left end, `((r·Ã_L)·Ã_{L−1})⋯Ã_1`, needs a row at every step where multiplying from
/// the right needs a matrix: N² instead of N³ operations a block and no N×N product in memory. A block's
/// strips come in order of their rows, of each strip all heads. A discard looks at the whole fused matrix and
/// so needs it whole; without one a strip is folded as soon as its heads are fused.
struct RolloutFold {
    private let options: RolloutOptions
    private let tokens: Int
    private let heads: Int
    private let isGradient: Bool
    /// Fused heads: the whole matrix where entries are discarded, else one strip.
    private var fused: [Float]
    private let hasClassToken: Bool
    /// The row of the product so far, and the next.
    private var row: [Float]
    private var next: [Float]
    /// Sums of this block's rows.
    private var sums: [Float]

    init(
        options: RolloutOptions, _ c: Configuration, tokens: Int, stripRows: Int, isGradient: Bool = false
    ) {
        self.options = options
        self.tokens = tokens
        heads = c.heads
        hasClassToken = c.prefix.hasClassToken
        self.isGradient = isGradient
        let rows = options.discardRatio > 0 ? tokens : min(stripRows, tokens)
        fused = [Float](repeating: 0, count: rows * tokens)
        row = [Float](repeating: 0, count: tokens)
        next = [Float](repeating: 0, count: tokens)
        sums = [Float](repeating: 0, count: tokens)
    }

    /// Starts a picture.
    ///
    /// - Parameter start: r, `tokens`.
    mutating func begin(_ start: [Float]) {
        precondition(start.count == tokens, "a row has a value for every token")
        row = start
    }

    /// Takes `rows × tokens` values of one head.
    ///
    /// - Parameter factors: what to multiply the values by first, of the same shape.
    mutating func add(
        head: Int, firstRow: Int, rows: Int, _ values: UnsafeBufferPointer<Float>,
        times factors: UnsafeBufferPointer<Float>? = nil
    ) {
        let keepsWhole = options.discardRatio > 0
        let offset = keepsWhole ? firstRow * tokens : 0
        let (isFirst, isLast) = (head == 0, head == heads - 1)
        fused.withUnsafeMutableBufferPointer { fused in
            let into = UnsafeMutableBufferPointer(rebasing: fused[offset..<offset + rows * tokens])
            RolloutFold.fuse(values, times: factors, into: into, by: options.headFusion, isFirst: isFirst)
            guard isLast else { return }
            let scale = options.headFusion == .mean ? 1 / Float(heads) : 1
            if isGradient {
                // Not max(x, 0): this leaves no negative zero and no NaN.
                for i in into.indices { into[i] = into[i] > 0 ? into[i] * scale : 0 }
            } else if scale != 1 {
                for i in into.indices { into[i] *= scale }
            }
        }
        if isLast && !keepsWhole { fold(firstRow: firstRow, rows: rows) }
        if isLast && firstRow + rows == tokens { finishBlock() }
    }

    private static func fuse(
        _ values: UnsafeBufferPointer<Float>, times factors: UnsafeBufferPointer<Float>?,
        into fused: UnsafeMutableBufferPointer<Float>, by fusion: HeadFusion, isFirst: Bool
    ) {
        let count = fused.count
        guard let to = fused.baseAddress, let from = values.baseAddress else { return }
        if let factor = factors?.baseAddress {
            switch (isFirst, fusion) {
            case (true, _): for i in 0..<count { to[i] = from[i] * factor[i] }
            case (_, .mean): for i in 0..<count { to[i] += from[i] * factor[i] }
            case (_, .min): for i in 0..<count { to[i] = Swift.min(to[i], from[i] * factor[i]) }
            case (_, .max): for i in 0..<count { to[i] = Swift.max(to[i], from[i] * factor[i]) }
            }
        } else {
            switch (isFirst, fusion) {
            case (true, _): to.update(from: from, count: count)
            case (_, .mean): for i in 0..<count { to[i] += from[i] }
            case (_, .min): for i in 0..<count { to[i] = from[i] < to[i] ? from[i] : to[i] }
            case (_, .max): for i in 0..<count { to[i] = from[i] > to[i] ? from[i] : to[i] }
            }
        }
    }

    /// next += row · (F + I)/2 for some rows of F, each divided by its sum unless columns are divided
    /// instead.
    private mutating func fold(firstRow: Int, rows: Int) {
        let (tokens, byColumn) = (tokens, options.compatibility == .vitExplain)
        fused.withUnsafeBufferPointer { fused in
            next.withUnsafeMutableBufferPointer { next in
                guard let matrix = fused.baseAddress, let next = next.baseAddress else { return }
                for r in 0..<rows {
                    let from = matrix + r * tokens
                    let token = firstRow + r
                    let sum = (VectorSum.of(from, count: tokens) + 1) / 2
                    sums[token] = sum
                    let share = row[token] / (byColumn ? 2 : 2 * sum)
                    if share == 0 { continue }
                    for i in 0..<tokens { next[i] += share * from[i] }
                    next[token] += share
                }
            }
        }
    }

    private mutating func finishBlock() {
        if options.discardRatio > 0 {
            let count = Int(Double(tokens * tokens) * options.discardRatio)
            // vit-explain forgets to spare CLS→CLS in gradient rollout.
            let spares = hasClassToken && !(isGradient && options.compatibility == .vitExplain)
            fused.withUnsafeMutableBufferPointer {
                DiscardSelection.zeroSmallest(count, of: $0, sparing: spares ? 0 : nil)
            }
            fold(firstRow: 0, rows: tokens)
        }
        if options.compatibility == .vitExplain {
            for i in next.indices { next[i] /= sums[i] }
        }
        swap(&row, &next)
        for i in next.indices { next[i] = 0 }
    }

    /// The row over the patches, divided by its maximum; all 0 where nothing of the attention
    /// is left there (a gradient that is negative throughout, a discard of nearly everything).
    func map(rows: Int, columns: Int) -> Plane {
        Plane(height: rows, width: columns, values: [Float](row[(tokens - rows * columns)...])).scaledToOne
    }

    /// Bytes that the fold takes.
    static func memoryBytes(options: RolloutOptions, tokens: Int, stripRows: Int) -> Int {
        let rows = options.discardRatio > 0 ? tokens : min(stripRows, tokens)
        return (rows * tokens + 3 * tokens) * MemoryLayout<Float>.stride
    }
}
