import CKernels
import Pixels

/// Resizes pictures of one size to another; the tables are made once.
///
/// The filter is Pillow's and torchvision's antialiased bilinear one: a triangle whose half-width is one source
/// pixel, or one output pixel where that is larger.
package struct Resizer: Sendable {
    package let height: Int
    package let width: Int
    private let frameHeight: Int
    private let frameWidth: Int
    private let rows: Taps
    private let columns: Taps
    /// One row of the source, filtered vertically, scratch.
    private var line: [Float]

    /// From `frameHeight × frameWidth` to `height × width` pixels.
    ///
    /// - Precondition: all four are positive.
    package init(frameHeight: Int, frameWidth: Int, height: Int, width: Int) {
        precondition(min(frameHeight, frameWidth, height, width) > 0, "pictures have a size")
        self.frameHeight = frameHeight
        self.frameWidth = frameWidth
        self.height = height
        self.width = width
        rows = Taps(from: frameHeight, to: height)
        columns = Taps(from: frameWidth, to: width)
        line = [Float](repeating: 0, count: frameWidth * 3 + 1)
    }

    /// A picture made smaller, its aspect kept, so that one of its sides, `length`, is at most `most`.
    ///
    /// - Returns: the picture itself where that is so already.
    package static func shrunk(_ image: RGBImage, length: Int, to most: Int) -> RGBImage {
        guard length > most else { return image }
        func scaled(_ side: Int) -> Int { max(1, (side * most + length / 2) / length) }
        var resizer = Resizer(
            frameHeight: image.height, frameWidth: image.width, height: scaled(image.height),
            width: scaled(image.width))
        return resizer(image)
    }

    /// - Precondition: the picture is `frameHeight × frameWidth`.
    package mutating func callAsFunction(_ frame: RGBImage) -> RGBImage {
        guard height != frameHeight || width != frameWidth else { return frame }
        return RGBImage(height: height, width: width) { out in
            resize(frame, into: out.baseAddress!, strideBytes: width * 3)
        }
    }

    /// Writes the resized picture at `out`, rows `strideBytes` apart.
    mutating func resize(_ frame: RGBImage, into out: UnsafeMutablePointer<UInt8>, strideBytes: Int) {
        precondition(frame.height == frameHeight && frame.width == frameWidth, "the picture has another size")
        vv_resize_rows(
            out, strideBytes, frame.bytes, Int32(frameWidth), Int32(height), Int32(width), rows.first,
            rows.weights, Int32(rows.count), columns.first, columns.weights, Int32(columns.count), &line)
    }
}

/// Which source samples make up each output sample of one axis.
private struct Taps: Sendable {
    /// How many neighboring source samples each output sample takes.
    let count: Int
    /// [to] the first of them.
    let first: [Int32]
    /// [to, count] their weights; each group sums to 1.
    let weights: [Float]

    init(from sourceLength: Int, to length: Int) {
        let scale = Double(sourceLength) / Double(length)
        let reach = max(1, scale)
        count = min(sourceLength, Int((2 * reach).rounded(.up)) + 1)
        var first = [Int32](repeating: 0, count: length)
        var weights = [Float](repeating: 0, count: length * count)
        for x in 0..<length {
            let center = (Double(x) + 0.5) * scale
            let start = min(sourceLength - count, max(0, Int((center - reach).rounded(.down))))
            let shares = (0..<count).map { max(0, 1 - abs(Double(start + $0) + 0.5 - center) / reach) }
            let sum = shares.reduce(0, +)
            for (tap, share) in shares.enumerated() {
                weights[x * count + tap] = Float(share / sum)
            }
            first[x] = Int32(start)
        }
        self.first = first
        self.weights = weights
    }
}
