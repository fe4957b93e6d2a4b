import Base
import Fixtures
import Foundation
import Pixels

func noiseImage(height: Int, width: Int, seed: UInt64 = 1) -> RGBImage {
    var random = SplitMix64(seed: seed)
    return RGBImage(
        height: height, width: width,
        bytes: (0..<height * width * 3).map { _ in UInt8.random(in: 0...255, using: &random) })
}

func noiseMap(height: Int, width: Int, seed: UInt64 = 2, in range: ClosedRange<Float> = 0...1) -> Plane {
    var random = SplitMix64(seed: seed)
    return Plane(
        height: height, width: width,
        values: (0..<height * width).map { _ in Float.random(in: range, using: &random) })
}

func bytes(hexadecimal text: String) -> [UInt8] {
    let digits = text.utf8.map { $0 < 0x3A ? $0 - 0x30 : $0 - 0x57 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// Little-endian float32.
func floats(hexadecimal text: String) -> [Float] {
    let bytes = bytes(hexadecimal: text)
    return stride(from: 0, to: bytes.count, by: 4).map { i in
        Float(
            bitPattern: UInt32(bytes[i]) | UInt32(bytes[i + 1]) << 8 | UInt32(bytes[i + 2]) << 16
                | UInt32(bytes[i + 3]) << 24)
    }
}

func decodeGolden<Golden: Decodable>(_ name: String, as type: Golden.Type) throws -> Golden {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(contentsOf: Fixtures.golden(name)))
}

extension RGBImage {
    func triple(_ row: Int, _ column: Int) -> [UInt8] {
        let pixel = self[row, column]
        return [pixel.red, pixel.green, pixel.blue]
    }

    func cropped(row: Int, column: Int, height: Int, width: Int) -> RGBImage {
        var out = RGBImage(height: height, width: width)
        for y in 0..<height {
            for x in 0..<width { out[y, x] = self[row + y, column + x] }
        }
        return out
    }
}
