import Pixels

/// Reads heat back from colors: for each pixel the entry of the color map whose color is nearest (smallest
/// sum of squared differences in RGB), as a share of the last entry, so that the ends are 0 and 1.
///
/// A video's compression moves colors off the map; the nearest entry is what remains of the heat.
package struct ColorMapInverse: Sendable {
    /// Side of a cell of the color cube, in levels; cells hold the entries that can be nearest to a color in
    /// them, so that the answer is that of trying all 256.
    private static let cellBits = 4
    private static let cellsPerAxis = 256 >> cellBits

    private let table: [UInt8]
    /// Where each cell's candidates begin in `candidates`, and at the end where the last one's end.
    private let starts: [Int32]
    private let candidates: [UInt8]

    package init(_ colorMap: ColorMap) {
        table = colorMap.table
        var starts: [Int32] = [0]
        var candidates: [UInt8] = []
        let side = 1 << Self.cellBits
        var nearest = [Int](repeating: 0, count: 256)
        for cell in 0..<Self.cellsPerAxis * Self.cellsPerAxis * Self.cellsPerAxis {
            let corner = [
                cell / (Self.cellsPerAxis * Self.cellsPerAxis), cell / Self.cellsPerAxis % Self.cellsPerAxis,
                cell % Self.cellsPerAxis,
            ].map { $0 * side }
            // An entry that is farther from the cell's nearest point than some entry is from its farthest point
            // is never the nearest.
            var limit = Int.max
            for entry in 0..<256 {
                var (near, far) = (0, 0)
                for channel in 0..<3 {
                    let level = Int(table[entry * 3 + channel])
                    let (low, high) = (corner[channel], corner[channel] + side - 1)
                    let outside = max(0, low - level, level - high)
                    let reach = max(abs(level - low), abs(level - high))
                    near += outside * outside
                    far += reach * reach
                }
                nearest[entry] = near
                limit = min(limit, far)
            }
            candidates += (0..<256).filter { nearest[$0] <= limit }.map { UInt8($0) }
            starts.append(Int32(candidates.count))
        }
        self.starts = starts
        self.candidates = candidates
    }

    /// The heat of each pixel, 0…1, `height × width`. Of entries equally near the first counts.
    package func heat(of picture: RGBImage) -> Plane {
        var out = Plane(height: picture.height, width: picture.width)
        out.values.withUnsafeMutableBufferPointer { out in
            picture.bytes.withUnsafeBufferPointer { bytes in
                starts.withUnsafeBufferPointer { starts in
                    candidates.withUnsafeBufferPointer { candidates in
                        table.withUnsafeBufferPointer { table in
                            for pixel in 0..<out.count {
                                let entry = Self.nearestEntry(
                                    Int(bytes[pixel * 3]), Int(bytes[pixel * 3 + 1]),
                                    Int(bytes[pixel * 3 + 2]), starts, candidates, table)
                                out[pixel] = Float(entry) / 255
                            }
                        }
                    }
                }
            }
        }
        return out
    }

    private static func nearestEntry(
        _ red: Int, _ green: Int, _ blue: Int, _ starts: UnsafeBufferPointer<Int32>,
        _ candidates: UnsafeBufferPointer<UInt8>, _ table: UnsafeBufferPointer<UInt8>
    ) -> Int {
        let cell =
            ((red >> cellBits) * cellsPerAxis + (green >> cellBits)) * cellsPerAxis + (blue >> cellBits)
        var (best, bestDistance) = (0, Int.max)
        for index in Int(starts[cell])..<Int(starts[cell + 1]) {
            let entry = Int(candidates[index])
            let r = red - Int(table[entry * 3])
            let g = green - Int(table[entry * 3 + 1])
            let b = blue - Int(table[entry * 3 + 2])
            let distance = r * r + g * g + b * b
            if distance < bestDistance { (best, bestDistance) = (entry, distance) }
        }
        return best
    }
}
