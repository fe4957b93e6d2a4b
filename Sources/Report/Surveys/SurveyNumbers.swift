import Base

/// A mean of the values that are finite; NaN without any.
struct Mean: Sendable, Equatable {
    private(set) var count = 0
    private var sum = 0.0

    mutating func add(_ value: Double) {
        guard value.isFinite else { return }
        sum += value
        count += 1
    }

    var value: Double { count > 0 ? sum / Double(count) : .nan }
}

/// "0.873".
func decimal(_ value: Double) -> String { value.isFinite ? formatted("%.3f", value) : "–" }

/// "61.3 %".
func percent(_ share: Double) -> String {
    share.isFinite ? formatted("%.1f %%", 100 * share) : "–"
}
