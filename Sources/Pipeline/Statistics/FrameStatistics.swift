import Methods
import Pixels
import Probing

/// Something that statistics are made of: a source of maps, or a recorded heatmap.
package struct StatisticsSubject: Sendable, Equatable {
    package let name: String
    /// What its single maps are: "head 0", …; empty for a recording.
    package let partNames: [String]
    package let hasClassifier: Bool

    package init(name: String, partNames: [String] = [], hasClassifier: Bool = false) {
        self.name = name
        self.partNames = partNames
        self.hasClassifier = hasClassifier
    }

    package init(_ source: any MapSource) {
        self.init(name: source.name, partNames: source.partNames, hasClassifier: source.classes > 0)
    }

    package init(_ recording: Recording) { self.init(name: recording.name) }
}

/// The figures of one subject in one frame. Figures that are not defined are NaN.
package struct FrameStatistics: Sendable {
    /// Of the fused map, in nats.
    package let entropy: Double
    /// Of each single map, in nats.
    package let partEntropies: [Double]
    /// Share of the mass in the top 10 % of patches.
    package let topMass: Double
    /// With the map of the frame before, NaN in the first.
    package let previousCorrelation: Double
    /// With each subject's map, on the coarser grid of the two; NaN with itself.
    package let correlations: [Double]
    package let topLabel: String?

    package init(
        entropy: Double, partEntropies: [Double], topMass: Double, previousCorrelation: Double,
        correlations: [Double], topLabel: String? = nil
    ) {
        self.entropy = entropy
        self.partEntropies = partEntropies
        self.topMass = topMass
        self.previousCorrelation = previousCorrelation
        self.correlations = correlations
        self.topLabel = topLabel
    }
}

/// Makes the statistics of one clip's frames, in order.
package struct StatisticsMaker {
    /// By subject, the fused map of the frame before.
    private var previous: [Plane] = []

    package init() {}

    /// - Returns: by subject: the frame's sources, then its recordings with maps.
    package mutating func statistics(of frame: FrameNumbers) -> [FrameStatistics] {
        let subjects = frame.maps + frame.recordedMaps.map { FrameMaps(parts: [], fused: $0) }
        let fused = subjects.map(\.fused)
        defer { previous = fused }
        return subjects.enumerated().map { index, maps in
            FrameStatistics(
                entropy: MapStatistics.entropyNats(of: maps.fused),
                partEntropies: maps.parts.map(MapStatistics.entropyNats),
                topMass: MapStatistics.topMass(of: maps.fused),
                previousCorrelation: previous.isEmpty
                    ? .nan : MapStatistics.correlation(maps.fused, previous[index]),
                correlations: fused.enumerated().map { other, map in
                    other == index ? .nan : MapStatistics.correlationOnCommonGrid(maps.fused, map)
                },
                topLabel: maps.prediction?.topLabel)
        }
    }
}
