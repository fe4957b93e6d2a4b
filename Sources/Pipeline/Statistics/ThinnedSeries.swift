/// Values of several columns over time, in memory that does not depend on the length of the clip: where there are
/// too many rows for a plot to show, neighbors are averaged in pairs.
package struct ThinnedSeries {
    /// Mean time and values of `framesPerRow` frames each.
    package private(set) var rows: [Row] = []
    private var framesPerRow = 1
    private var pending: [Row] = []
    private let limit: Int

    package struct Row: Equatable {
        package var time: Double
        /// NaN where a figure is not defined.
        package var values: [Double]

        /// The mean of the rows; of a column the mean of its defined values.
        static func mean(_ rows: [Row]) -> Row {
            let time = rows.reduce(0) { $0 + $1.time } / Double(rows.count)
            let values = rows[0].values.indices.map { column in
                let defined = rows.map { $0.values[column] }.filter { !$0.isNaN }
                return defined.isEmpty ? Double.nan : defined.reduce(0, +) / Double(defined.count)
            }
            return Row(time: time, values: values)
        }
    }

    /// - Parameter limit: the most rows kept, even and at least 2.
    package init(limit: Int = 4096) {
        precondition(limit >= 2 && limit % 2 == 0, "rows are merged in pairs")
        self.limit = limit
    }

    package mutating func append(time: Double, values: [Double]) {
        pending.append(Row(time: time, values: values))
        guard pending.count == framesPerRow else { return }
        rows.append(Row.mean(pending))
        pending.removeAll(keepingCapacity: true)
        guard rows.count == limit else { return }
        rows = stride(from: 0, to: limit, by: 2).map { Row.mean([rows[$0], rows[$0 + 1]]) }
        framesPerRow *= 2
    }

    /// Adds what is left of the last, incomplete row.
    package mutating func finish() {
        if !pending.isEmpty { rows.append(Row.mean(pending)) }
        pending = []
    }
}
