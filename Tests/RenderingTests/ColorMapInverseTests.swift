import Pixels
import Rendering
import Testing

@Suite struct ColorMapInverseTests {
    /// The entry with the smallest distance, tried one by one.
    static func naive(_ pixel: [UInt8], _ table: [UInt8]) -> Int {
        func distance(_ entry: Int) -> Int {
            (0..<3).reduce(0) { sum, channel in
                let difference = Int(pixel[channel]) - Int(table[entry * 3 + channel])
                return sum + difference * difference
            }
        }
        return (0..<256).min { distance($0) < distance($1) } ?? 0
    }

    @Test(arguments: ColorMap.all) func everyColourIsFoundAgain(map: ColorMap) {
        let picture = RGBImage(height: 16, width: 16, bytes: map.table)
        let heat = ColorMapInverse(map).heat(of: picture)
        for entry in 0..<256 {
            let found = Int((heat.values[entry] * 255).rounded())
            #expect(
                Array(map.table[found * 3..<found * 3 + 3]) == Array(map.table[entry * 3..<entry * 3 + 3]),
                "\(map.name) entry \(entry)")
        }
        #expect(heat.values[0] == 0 && heat.values[255] == 1)
    }

    @Test func anyColourGivesTheNearestEntry() {
        let picture = noiseImage(height: 40, width: 50, seed: 9)
        let heat = ColorMapInverse(.inferno).heat(of: picture)
        for row in 0..<picture.height {
            for column in 0..<picture.width {
                let expected = Self.naive(picture.triple(row, column), ColorMap.inferno.table)
                #expect(heat[row, column] == Float(expected) / 255)
            }
        }
    }
}
