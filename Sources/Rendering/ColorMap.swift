import Pixels

/// A color map: 256 colors for heat from 0 to 1, byte for byte those of matplotlib.
package struct ColorMap: Sendable, Equatable {
    /// The map's name in matplotlib and on the command line.
    package let name: String
    /// 256 × 3 bytes, red, green, blue, the coldest color first.
    package let table: [UInt8]
    /// 257 × 4 bytes for the kernels: red, green, blue, 0; the last entry is the color of NaN.
    let entries: [UInt8]

    private init(name: String, hexadecimal: String) {
        let digits = hexadecimal.utf8.map { digit in digit < 0x3A ? digit - 0x30 : digit - 0x57 }
        let bytes = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        precondition(bytes.count == 256 * 3, "a colour map has 256 colours")
        self.name = name
        table = bytes
        var entries = [UInt8](repeating: 0, count: 257 * 4)
        for (i, byte) in bytes.enumerated() {
            entries[i / 3 * 4 + i % 3] = byte
        }
        self.entries = entries
    }

    package static let inferno = ColorMap(name: "inferno", hexadecimal: ColorMapTables.inferno)
    package static let magma = ColorMap(name: "magma", hexadecimal: ColorMapTables.magma)
    package static let viridis = ColorMap(name: "viridis", hexadecimal: ColorMapTables.viridis)
    package static let plasma = ColorMap(name: "plasma", hexadecimal: ColorMapTables.plasma)
    package static let turbo = ColorMap(name: "turbo", hexadecimal: ColorMapTables.turbo)
    package static let gray = ColorMap(name: "gray", hexadecimal: ColorMapTables.gray)

    /// Every color map, the default first.
    package static let all: [ColorMap] = [inferno, magma, viridis, plasma, turbo, gray]

    /// The color map of that name, or `nil`.
    package static func named(_ name: String) -> ColorMap? {
        all.first { $0.name == name }
    }

    /// The entry for a heat: `min(255, Int(256 · heat))`, heats below 0 counting as 0; 256 for NaN.
    package static func index(of heat: Float) -> Int {
        guard !heat.isNaN else { return 256 }
        return Int(min(255, max(0, heat * 256)))
    }

    /// The color for a heat. Outside 0...1 it is the nearer end's; NaN is black, matplotlib's "bad" color
    /// laid on black.
    package func color(of heat: Float) -> (red: UInt8, green: UInt8, blue: UInt8) {
        let i = Self.index(of: heat) * 4
        return (entries[i], entries[i + 1], entries[i + 2])
    }

    /// A map's cells as pixels, one each. What `matplotlib.image.imsave` writes for a map scaled to 0...1.
    package func picture(of map: Plane) -> RGBImage {
        RGBImage(height: map.height, width: map.width) { out in
            for (i, heat) in map.values.enumerated() {
                (out[i * 3], out[i * 3 + 1], out[i * 3 + 2]) = color(of: heat)
            }
        }
    }
}
