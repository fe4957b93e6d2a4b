import Base
import Glibc

/// Round numbers along an axis.
package struct AxisTicks: Equatable {
    /// Ascending, all within the limits.
    package let values: [Double]
    /// A text for each value, all with the same number of decimals.
    package let labels: [String]

    /// Multiples of 1, 2 or 5 times a power of ten between the limits, about `count` of them and at least two
    /// for limits that differ.
    ///
    /// - Precondition: the limits are finite and `low < high`.
    package init(low: Double, high: Double, count: Int) {
        precondition(low.isFinite && high.isFinite && low < high, "an axis has a length")
        let rough = (high - low) / Double(max(1, count))
        let power = pow(10, log10(rough).rounded(.down))
        let step = power * ([1, 2, 5].first { $0 * power >= rough * (1 - 1e-9) } ?? 10)
        // Counted in steps, so that no error adds up along the axis.
        let first = Int((low / step - 1e-9).rounded(.up))
        let last = Int((high / step + 1e-9).rounded(.down))
        values = first <= last ? (first...last).map { Double($0) * step } : []
        let decimals = max(0, -Int(log10(step * (1 + 1e-9)).rounded(.down)))
        labels = values.map { value in
            let text = formatted("%.\(decimals)f", value)
            // Rounding must not leave a negative zero.
            return Double(text) == 0 ? formatted("%.\(decimals)f", 0.0) : text
        }
    }

    /// Limits for the values of an axis: theirs with a twentieth of room at each end, something sensible for a
    /// single value or none.
    package static func limits(of values: some Sequence<Double>) -> (low: Double, high: Double) {
        var (low, high) = (Double.infinity, -Double.infinity)
        for value in values where value.isFinite {
            low = min(low, value)
            high = max(high, value)
        }
        guard low <= high else { return (0, 1) }
        let room = high > low ? (high - low) / 20 : max(abs(low) / 20, 0.5)
        return (low - room, high + room)
    }
}
