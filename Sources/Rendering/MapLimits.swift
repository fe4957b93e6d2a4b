import Base
import Pixels

/// The values of a clip's maps that a scale shows as heat 0 and 1: the smallest and largest, or two percentiles.
package struct MapLimits: Sendable, Equatable {
    /// Nil for the smallest and largest value.
    private var percentiles: (low: Double, high: Double)?
    private var fusedValues = Values()
    private var partValues: [Values] = []

    /// - Parameter scale: one of the clip's.
    package init(_ scale: HeatScale = .clip) {
        if case .clipPercentile(let low, let high) = scale { percentiles = (low, high) }
    }

    /// Of the fused map; nil before there is a finite value.
    package var fused: ClosedRange<Float>? { fusedValues.limits(percentiles) }
    /// Of each single map, likewise.
    package var parts: [ClosedRange<Float>?] { partValues.map { $0.limits(percentiles) } }

    /// Takes a frame's maps in, always as many.
    package mutating func add(parts planes: [Plane], fused map: Plane) {
        if partValues.isEmpty { partValues = planes.map { _ in Values() } }
        fusedValues.add(map, keepsAll: percentiles != nil)
        for (index, plane) in planes.enumerated() {
            partValues[index].add(plane, keepsAll: percentiles != nil)
        }
    }

    package static func == (first: MapLimits, second: MapLimits) -> Bool {
        first.fused == second.fused && first.parts == second.parts
    }

    /// What is kept of a map's values.
    private struct Values: Sendable {
        fileprivate var range: ClosedRange<Float>?
        private var all: [Float] = []

        init(range: ClosedRange<Float>? = nil) { self.range = range }

        mutating func add(_ map: Plane, keepsAll: Bool) {
            for value in map.values where value.isFinite {
                range = min(range?.lowerBound ?? value, value)...max(range?.upperBound ?? value, value)
            }
            if keepsAll { all += map.values }
        }

        func limits(_ percentiles: (low: Double, high: Double)?) -> ClosedRange<Float>? {
            percentiles.map { Percentile.range(of: all, low: $0.low, high: $0.high) } ?? range
        }
    }
}

/// The limits alone are kept: what comes back takes no more maps in.
extension MapLimits: Codable {
    private enum CodingKeys: CodingKey { case fused, parts }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(fused, forKey: .fused)
        try container.encode(parts, forKey: .parts)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        fusedValues.range = try container.decode(ClosedRange<Float>?.self, forKey: .fused)
        partValues = try container.decode([ClosedRange<Float>?].self, forKey: .parts).map {
            Values(range: $0)
        }
    }
}
