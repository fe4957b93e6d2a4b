/// Percentiles as NumPy takes them, with linear interpolation.
package enum Percentile {
    /// - Parameters:
    ///   - sorted: at least one value, ascending.
    ///   - share: 0…1.
    package static func of(_ sorted: [Float], _ share: Double) -> Float {
        let position = share * Double(sorted.count - 1)
        let low = Int(position)
        let high = min(low + 1, sorted.count - 1)
        return sorted[low] + Float(position - Double(low)) * (sorted[high] - sorted[low])
    }

    /// Two percentiles of the finite ones among some values; nil where there is none.
    ///
    /// - Parameter low: 0…100, and so is `high`.
    package static func range(of values: [Float], low: Double, high: Double) -> ClosedRange<Float>? {
        let sorted = values.filter(\.isFinite).sorted()
        guard !sorted.isEmpty else { return nil }
        return of(sorted, low / 100)...of(sorted, high / 100)
    }
}
