import Methods
import Pixels

/// How far two maps of the same frame are apart as pictures.
enum MapDifference {
    /// The mean over the cells of |a − b|, each map over its own range from 0 to 255: of the fused map where the method gives
    /// one, else the mean over the single maps.
    static func levels(_ a: FrameMaps, _ b: FrameMaps, of method: Method) -> Double {
        if method.givesOneMap || a.parts.isEmpty { return levels(a.fused, b.fused) }
        return zip(a.parts, b.parts).map(levels).reduce(0, +) / Double(a.parts.count)
    }

    static func levels(_ a: Plane, _ b: Plane) -> Double {
        let sum = zip(scaled(a), scaled(b)).reduce(0.0) { $0 + Double(abs($1.0 - $1.1)) }
        return 255 * sum / Double(max(a.values.count, 1))
    }

    private static func scaled(_ map: Plane) -> [Float] {
        guard let least = map.values.min(), let most = map.values.max(), most > least else {
            return map.values.map { _ in 0 }
        }
        return map.values.map { ($0 - least) / (most - least) }
    }
}
