import ViT

/// The cosine of the angle between two vectors of one length; NaN where one is zero.
package func cosineSimilarity(_ a: [Float], _ b: [Float]) -> Double {
    precondition(a.count == b.count, "vectors of one length")
    var (products, squaresA, squaresB) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a, b) {
        products += Double(x) * Double(y)
        squaresA += Double(x) * Double(x)
        squaresB += Double(y) * Double(y)
    }
    let scale = (squaresA * squaresB).squareRoot()
    return scale > 0 ? min(1, max(-1, products / scale)) : .nan
}

/// How far down a class stands among all by their logits, 0 for the likeliest; of equals the lower index first, as in
/// `ClassLabels.top`.
package func classRank(_ index: Int, in logits: some RandomAccessCollection<Float>) -> Int {
    let own = logits[logits.index(logits.startIndex, offsetBy: index)]
    return logits.enumerated().count { $1 > own || ($1 == own && $0 < index) }
}

/// The value that a share of the values lies below, between neighbours linearly, as NumPy's `quantile` does; values
/// that are not finite do not count, and NaN where none is left.
package func quantile(_ share: Double, of values: [Double]) -> Double {
    let sorted = values.filter(\.isFinite).sorted()
    guard let last = sorted.indices.last else { return .nan }
    let place = share * Double(last)
    let below = Int(place)
    let above = min(last, below + 1)
    return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
}
