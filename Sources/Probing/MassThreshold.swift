import Pixels

/// DINO's `--threshold`: the patches that hold most of a map's mass.
package enum MassThreshold {
    /// Sorts the map ascending, cumulates each value's share of the sum, and keeps the patches whose
    /// cumulative share exceeds 1 − `mass` (DINO, `visualize_attention.py`). Values below 0 count as 0.
    ///
    /// - Parameter mass: share of the mass to keep, 0…1.
    /// - Returns: 1 where a patch is kept and 0 elsewhere. A map without mass keeps nothing.
    package static func mask(of map: Plane, mass: Double) -> Plane {
        var mask = Plane(height: map.height, width: map.width)
        let order = map.values.indices.sorted { map.values[$0] < map.values[$1] }
        let sum = map.values.reduce(0) { $0 + Double(max(0, $1)) }
        guard sum > 0 else { return mask }
        var cumulated = 0.0
        for index in order {
            cumulated += Double(max(0, map.values[index])) / sum
            if cumulated > 1 - mass { mask.values[index] = 1 }
        }
        return mask
    }
}
