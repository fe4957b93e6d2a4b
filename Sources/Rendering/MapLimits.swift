import Pixels

/// The smallest and largest values of a clip's maps: what `HeatScale.clip` shows as heat 0 and 1.
package struct MapLimits: Sendable, Equatable {
    /// Of the fused map; nil before there is a finite value.
    package private(set) var fused: ClosedRange<Float>?
    /// Of each single map, likewise.
    package private(set) var parts: [ClosedRange<Float>?] = []

    package init() {}

    /// Widens the limits by a frame's maps, always as many.
    package mutating func add(parts planes: [Plane], fused map: Plane) {
        if parts.isEmpty { parts = planes.map { _ in nil } }
        fused = MapLimits.union(fused, map)
        parts = zip(parts, planes).map(MapLimits.union)
    }

    private static func union(_ limits: ClosedRange<Float>?, _ map: Plane) -> ClosedRange<Float>? {
        var result = limits
        for value in map.values where value.isFinite {
            result = min(result?.lowerBound ?? value, value)...max(result?.upperBound ?? value, value)
        }
        return result
    }
}
