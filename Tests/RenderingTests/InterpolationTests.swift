import Base
import Fixtures
import Foundation
import Pixels
import Rendering
import Testing

private struct ResamplingGolden: Decodable {
    struct Map: Decodable {
        let mode: String
        let height: Int
        let width: Int
        let valuesHex: String
    }
    struct Maps: Decodable {
        let height: Int
        let width: Int
        let valuesHex: String
        let enlarged: [Map]
    }
    struct Picture: Decodable {
        let height: Int
        let width: Int
        let bytesHex: String
    }
    struct Pictures: Decodable {
        let height: Int
        let width: Int
        let bytesHex: String
        let resized: [Picture]
    }
    let maps: Maps
    let pictures: Pictures
}

/// The definition, in doubles, one pixel at a time.
func naiveUpsample(
    _ map: Plane, height: Int, width: Int, placement: MapPlacement, interpolation: Interpolation
) -> [Double] {
    func cell(_ row: Int, _ column: Int) -> Double {
        Double(map[min(map.height - 1, max(0, row)), min(map.width - 1, max(0, column))])
    }
    func cubic(_ distance: Double) -> Double {
        let a = -0.75
        let d = abs(distance)
        if d <= 1 { return (a + 2) * d * d * d - (a + 3) * d * d + 1 }
        if d < 2 { return a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a }
        return 0
    }
    var out: [Double] = []
    for y in 0..<height {
        for x in 0..<width {
            let row = (Double(y) + 0.5) / placement.cellHeight - 0.5
            let column = (Double(x) + 0.5) / placement.cellWidth - 0.5
            let (top, left) = (Int(row.rounded(.down)), Int(column.rounded(.down)))
            switch interpolation {
            case .nearest:
                out.append(cell(Int((row + 0.5).rounded(.down)), Int((column + 0.5).rounded(.down))))
            case .bilinear:
                let (v, h) = (row - Double(top), column - Double(left))
                let above = cell(top, left) * (1 - h) + cell(top, left + 1) * h
                let below = cell(top + 1, left) * (1 - h) + cell(top + 1, left + 1) * h
                out.append(above * (1 - v) + below * v)
            case .bicubic:
                var sum = 0.0
                for r in top - 1...top + 2 {
                    for c in left - 1...left + 2 {
                        sum += cubic(row - Double(r)) * cubic(column - Double(c)) * cell(r, c)
                    }
                }
                out.append(sum)
            }
        }
    }
    return out
}

@Suite struct InterpolationTests {
    /// Rows, columns, height, width, cell height, cell width: the whole picture covered, a map that ends before
    /// it, cells of broken size, more cells than pixels, a single cell.
    static let shapes: [(Int, Int, Int, Int, Double, Double)] = [
        (5, 7, 40, 56, 8, 8), (5, 7, 45, 61, 8, 8), (9, 13, 101, 333, 11.3, 25.7), (20, 30, 11, 13, 0.6, 0.5),
        (1, 1, 9, 17, 4, 4), (32, 57, 72, 517, 2.25, 9.0715),
    ]

    @Test(arguments: Interpolation.allCases, shapes.indices)
    func upsamplingEqualsItsDefinition(interpolation: Interpolation, shape: Int) {
        let (rows, columns, height, width, cellHeight, cellWidth) = Self.shapes[shape]
        let map = noiseMap(height: rows, width: columns, seed: UInt64(shape))
        let placement = MapPlacement(cellHeight: cellHeight, cellWidth: cellWidth)
        let upsampler = Upsampler(
            rows: rows, columns: columns, height: height, width: width, placement: placement,
            interpolation: interpolation)
        let expected = naiveUpsample(
            map, height: height, width: width, placement: placement, interpolation: interpolation)
        let actual = upsampler(map)
        #expect(actual.height == height && actual.width == width)
        let difference = zip(actual.values, expected).map { abs(Double($0) - $1) }.max() ?? 1
        #expect(difference <= (interpolation == .nearest ? 0 : 1e-6), "largest difference \(difference)")
    }

    @Test func bilinearAndBicubicAreThoseOfTorch() throws {
        let golden = try decodeGolden("resampling.json", as: ResamplingGolden.self).maps
        let map = Plane(
            height: golden.height, width: golden.width, values: floats(hexadecimal: golden.valuesHex))
        #expect(golden.enlarged.count == 4)
        for entry in golden.enlarged {
            let upsampler = Upsampler(
                rows: map.height, columns: map.width, height: entry.height, width: entry.width,
                placement: MapPlacement(
                    covering: entry.height, entry.width, rows: map.height, columns: map.width),
                interpolation: try #require(Interpolation(rawValue: entry.mode)))
            let expected = floats(hexadecimal: entry.valuesHex)
            let difference = zip(upsampler(map).values, expected).map { abs($0 - $1) }.max() ?? 1
            #expect(difference <= 2e-6, "\(entry.mode) to \(entry.height)×\(entry.width): \(difference)")
        }
    }

    @Test func resizingIsPillowsToOneLevel() throws {
        let golden = try decodeGolden("resampling.json", as: ResamplingGolden.self).pictures
        let picture = RGBImage(
            height: golden.height, width: golden.width, bytes: bytes(hexadecimal: golden.bytesHex))
        for entry in golden.resized {
            var resizer = Resizer(
                frameHeight: picture.height, frameWidth: picture.width, height: entry.height,
                width: entry.width)
            let actual = resizer(picture)
            let expected = bytes(hexadecimal: entry.bytesHex)
            #expect(actual.height == entry.height && actual.width == entry.width)
            let differences = zip(actual.bytes, expected).map { abs(Int($0) - Int($1)) }
            // Pillow rounds to whole levels between its two passes, we do not.
            #expect((differences.max() ?? 9) <= 1, "to \(entry.height)×\(entry.width)")
            #expect(Double(differences.reduce(0, +)) / Double(differences.count) < 0.2)
        }
    }

    @Test(arguments: [(720, 1280, 268, 477), (97, 131, 33, 41), (40, 40, 40, 13), (3, 5, 2, 3), (1, 1, 1, 1)])
    func resizingEqualsItsDefinition(shape: (Int, Int, Int, Int)) {
        let (frameHeight, frameWidth, height, width) = shape
        let picture = noiseImage(height: frameHeight, width: frameWidth)
        var resizer = Resizer(frameHeight: frameHeight, frameWidth: frameWidth, height: height, width: width)
        let actual = resizer(picture)

        /// The triangle's weights of all source samples in reach of an output sample.
        func weights(_ x: Int, _ from: Int, _ to: Int) -> [(Int, Double)] {
            let scale = Double(from) / Double(to)
            let reach = max(1, scale)
            let center = (Double(x) + 0.5) * scale
            var shares: [(Int, Double)] = []
            for sample in 0..<from {
                let distance = abs(Double(sample) + 0.5 - center) / reach
                if distance < 1 { shares.append((sample, 1 - distance)) }
            }
            let sum = shares.reduce(0) { $0 + $1.1 }
            return shares.map { ($0.0, $0.1 / sum) }
        }
        var random = SplitMix64(seed: 3)
        for _ in 0..<300 {
            let y = Int.random(in: 0..<height, using: &random)
            let x = Int.random(in: 0..<width, using: &random)
            let columns = weights(x, frameWidth, width)
            var sum = [0.0, 0.0, 0.0]
            for (row, rowWeight) in weights(y, frameHeight, height) {
                for (column, columnWeight) in columns {
                    let pixel = picture.triple(row, column)
                    for c in 0..<3 { sum[c] += rowWeight * columnWeight * Double(pixel[c]) }
                }
            }
            for c in 0..<3 {
                #expect(abs(Double(actual.triple(y, x)[c]) - sum[c]) <= 0.5001, "at \(y), \(x)")
            }
        }
    }

    @Test func anEvenPictureStaysEvenWhenResized() {
        for level: UInt8 in [0, 1, 127, 254, 255] {
            var resizer = Resizer(frameHeight: 721, frameWidth: 1283, height: 201, width: 357)
            let out = resizer(RGBImage(height: 721, width: 1283, gray: level))
            #expect(out.bytes.allSatisfy { $0 == level })
        }
    }

    @Test func placementScalesWithThePicture() {
        let placement = MapPlacement(cellHeight: 14, cellWidth: 21).scaled(vertically: 0.5, horizontally: 2)
        #expect(placement == MapPlacement(cellHeight: 7, cellWidth: 42))
        #expect(placement.scaled(by: 2) == MapPlacement(cellHeight: 14, cellWidth: 84))
    }
}
