import Pixels
import Probing
import Testing

@Suite struct MassThresholdTests {
    /// DINO's `visualize_attention.py`: `val, idx = sort(attn); cumval = cumsum(val / sum); cumval > 1 - t`, put
    /// back in place.
    static func reference(_ map: Plane, mass: Double) -> [Float] {
        let order = map.values.indices.sorted { map.values[$0] < map.values[$1] }
        let total = map.values.reduce(0.0) { $0 + Double($1) }
        return map.values.indices.map { index in
            let place = order.firstIndex(of: index) ?? 0
            let below = order[...place].reduce(0.0) { $0 + Double(map.values[$1]) / total }
            return below > 1 - mass ? 1 : 0
        }
    }

    static let map = Plane(height: 2, width: 3, values: [0.05, 0.4, 0.1, 0.2, 0.05, 0.2])

    /// Share asked for and cells kept, hottest first. The hottest holds 0.4 of the mass: asked for less, it is
    /// kept all the same.
    static let cases: [(mass: Double, kept: [Int])] = [
        (0.1, [1]), (0.39, [1]), (0.7, [1, 3, 5]), (0.85, [1, 3, 5, 2]), (1, [0, 1, 2, 3, 4, 5]),
    ]

    @Test(arguments: cases)
    func keepsThePatchesThatHoldTheMass(mass: Double, kept: [Int]) {
        let mask = MassThreshold.mask(of: Self.map, mass: mass)
        #expect(mask.height == 2 && mask.width == 3)
        #expect(mask.values == (0..<6).map { kept.contains($0) ? 1 : 0 })
    }

    @Test(arguments: [0.05, 0.2, 0.5, 0.6, 0.75, 0.95]) func isDINOsDefinition(mass: Double) {
        // Distinct values in no order, of a wide range as attention has.
        let values = (0..<70).map { (index: Int) -> Float in
            let mixed = Float((index * 37) % 71 + 1)
            return mixed * Float(index % 7 + 1) + Float(index) / 512
        }
        let map = Plane(height: 7, width: 10, values: values)
        let mask = MassThreshold.mask(of: map, mass: mass)
        #expect(mask.values == Self.reference(map, mass: mass))

        // What is kept is hotter than what is not, and holds the share; without its coolest patch it would not.
        let kept = values.indices.filter { mask.values[$0] == 1 }.map { values[$0] }
        let dropped = values.indices.filter { mask.values[$0] == 0 }.map { values[$0] }
        let total = Double(values.reduce(0, +))
        #expect((dropped.max() ?? 0) < (kept.min() ?? 0))
        #expect(Double(kept.reduce(0, +)) / total > mass - 1e-4)
        #expect(Double(kept.reduce(0, +) - (kept.min() ?? 0)) / total < mass + 1e-4)
    }

    /// Shares count, not values: attention over patches does not add up to 1.
    @Test func theScaleOfTheMapDoesNotMatter() {
        let scaled = Plane(height: 2, width: 3, values: Self.map.values.map { $0 * 0.25 })
        #expect(
            MassThreshold.mask(of: scaled, mass: 0.7) == MassThreshold.mask(of: Self.map, mass: 0.7))
    }

    @Test func aMapWithoutMassKeepsNothing() {
        let mask = MassThreshold.mask(of: Plane(height: 2, width: 2), mass: 0.6)
        #expect(mask.values == [0, 0, 0, 0])
    }
}
