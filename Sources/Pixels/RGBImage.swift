import Glibc

/// A picture of 8-bit sRGB-encoded samples, `height × width × 3`, rows packed without padding.
///
/// The bytes live in one array, so handing an image to another thread copies a reference, not pixels.
package struct RGBImage: Sendable, Equatable {
    package let height: Int
    package let width: Int
    /// `height * width * 3` samples, row-major, red first.
    package var bytes: [UInt8]

    /// - Precondition: `bytes.count == height * width * 3`.
    package init(height: Int, width: Int, bytes: [UInt8]) {
        precondition(bytes.count == height * width * 3, "an RGB image holds height × width × 3 samples")
        self.height = height
        self.width = width
        self.bytes = bytes
    }

    /// An image of one color.
    package init(height: Int, width: Int, gray: UInt8 = 0) {
        self.init(height: height, width: width, bytes: [UInt8](repeating: gray, count: height * width * 3))
    }

    /// An image whose samples `fill` writes; the buffer it is lent is not zeroed first.
    package init(
        height: Int, width: Int, filledBy fill: (UnsafeMutableBufferPointer<UInt8>) throws -> Void
    ) rethrows {
        let count = height * width * 3
        self.height = height
        self.width = width
        bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            try fill(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = count
        }
    }

    /// An image of `3 × height × width` values.
    ///
    /// - Parameter level: gives a value's level of 255 in its channel, which is rounded; beyond 0 and 255 those are taken.
    package init(
        planes: [Float], height: Int, width: Int, level: (_ value: Float, _ channel: Int) -> Float
    ) {
        let area = height * width
        self.init(height: height, width: width) { out in
            for channel in 0..<3 {
                for pixel in 0..<area {
                    let level = level(planes[channel * area + pixel], channel)
                    out[pixel * 3 + channel] = UInt8(min(255, max(0, level.rounded())))
                }
            }
        }
    }

    /// Whether another image is this one pixel for pixel. Stops at the first difference, which in a clip is
    /// among the first pixels.
    package func hasSamePixels(as other: RGBImage?) -> Bool {
        guard let other, other.height == height, other.width == width else { return false }
        return bytes.withUnsafeBytes { mine in
            other.bytes.withUnsafeBytes { memcmp(mine.baseAddress!, $0.baseAddress!, mine.count) == 0 }
        }
    }

    /// The red, green and blue samples at a position.
    package subscript(row: Int, column: Int) -> (red: UInt8, green: UInt8, blue: UInt8) {
        get {
            let i = (row * width + column) * 3
            return (bytes[i], bytes[i + 1], bytes[i + 2])
        }
        set {
            let i = (row * width + column) * 3
            bytes[i] = newValue.red
            bytes[i + 1] = newValue.green
            bytes[i + 2] = newValue.blue
        }
    }
}
