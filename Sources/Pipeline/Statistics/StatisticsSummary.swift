import Base

/// Means over the frames of a clip, for a person to read.
package struct StatisticsSummary: Sendable {
    package let subjects: [StatisticsSubject]
    package private(set) var frames = 0
    private var entropies: [Mean]
    private var topMasses: [Mean]
    /// [subject][other subject].
    private var correlations: [[Mean]]

    package init(subjects: [StatisticsSubject]) {
        self.subjects = subjects
        let means = subjects.map { _ in Mean() }
        (entropies, topMasses) = (means, means)
        correlations = subjects.map { _ in means }
    }

    package mutating func add(_ statistics: [FrameStatistics]) {
        frames += 1
        for (index, figures) in statistics.enumerated() {
            entropies[index].add(figures.entropy)
            topMasses[index].add(figures.topMass)
            for (other, value) in figures.correlations.enumerated() { correlations[index][other].add(value) }
        }
    }

    /// Mean entropy of a subject's fused map in nats; NaN where it was never defined.
    package func entropy(_ subject: Int) -> Double { entropies[subject].value }

    /// Mean correlation between two subjects' maps.
    package func correlation(_ first: Int, _ second: Int) -> Double { correlations[first][second].value }

    /// A line for each subject and each pair.
    package var lines: [String] {
        var lines = subjects.indices.map { index in
            "\(subjects[index].name): entropy \(Self.text(entropies[index].value)) nats, "
                + "top 10 % of patches hold \(Self.text(topMasses[index].value))"
        }
        for first in subjects.indices {
            for second in subjects.indices where second > first {
                lines.append(
                    "\(subjects[first].name) – \(subjects[second].name): "
                        + "correlation \(Self.text(correlations[first][second].value))")
            }
        }
        return lines
    }

    private static func text(_ value: Double) -> String {
        value.isNaN ? "undefined" : formatted("%.3f", value)
    }

    /// The mean of the values that are defined.
    private struct Mean {
        var sum = 0.0
        var count = 0
        var value: Double { count > 0 ? sum / Double(count) : .nan }

        mutating func add(_ value: Double) {
            guard !value.isNaN else { return }
            sum += value
            count += 1
        }
    }
}
