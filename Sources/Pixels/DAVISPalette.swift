/// The colors of objects in the masks of the DAVIS challenge, which are those of PASCAL VOC: 0 is black, 1 dark red,
/// 2 dark green, 3 the sum of both, 4 dark blue, and so on.
package enum DAVISPalette {
    /// Red, green and blue of every index, 256 × 3 bytes.
    ///
    /// Bits 0, 3 and 6 of an index are the highest bits of red, 1, 4 and 7 those of green, 2 and 5 those of blue, the
    /// lowest bit of the index first (`VOClabelcolormap.m` of the PASCAL VOC development kit).
    package static let bytes: [UInt8] = {
        var bytes: [UInt8] = []
        for index in 0..<256 {
            for channel in 0..<3 {
                var value = 0
                for place in 0..<3 { value |= (index >> (3 * place + channel) & 1) << (7 - place) }
                bytes.append(UInt8(value))
            }
        }
        return bytes
    }()

    /// The color of an object.
    package static func color(of index: UInt8) -> (red: UInt8, green: UInt8, blue: UInt8) {
        let place = Int(index) * 3
        return (bytes[place], bytes[place + 1], bytes[place + 2])
    }

    /// The object that a color stands for; nil for colors that are not in the palette. Early files of DAVIS have 191
    /// where later ones have 192.
    ///
    /// - Parameter color: red in bits 16 to 23, green in 8 to 15, blue in 0 to 7.
    static func index(of color: UInt32) -> UInt8? { indices[color] }

    private static let indices: [UInt32: UInt8] = {
        var indices: [UInt32: UInt8] = [:]
        for index in 0...UInt8.max {
            let color = color(of: index)
            for high in [UInt32(192), 191] {
                let shades = [color.red, color.green, color.blue].map { $0 == 192 ? high : UInt32($0) }
                indices[shades[0] << 16 | shades[1] << 8 | shades[2]] = index
            }
        }
        return indices
    }()
}
