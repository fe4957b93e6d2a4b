import Pixels
import ViT

/// Sums over the pixels of pictures, channel by channel, of which a normalization is made. They are of whole numbers, so
/// that the order in which pictures are added changes nothing.
package struct ChannelSums: Sendable, Equatable {
    /// Pixels that were added.
    private var count: UInt64 = 0
    /// Of red, green and blue: the sum of the values in 0…255 and that of their squares.
    private var sums: SIMD3<UInt64> = .zero
    private var squares: SIMD3<UInt64> = .zero

    package init() {}

    package init(of image: RGBImage) {
        count = UInt64(image.height * image.width)
        image.bytes.withUnsafeBufferPointer { bytes in
            for channel in 0..<3 {
                var (sum, square): (UInt64, UInt64) = (0, 0)
                for place in Swift.stride(from: channel, to: bytes.count, by: 3) {
                    let value = UInt64(bytes[place])
                    sum &+= value
                    square &+= value &* value
                }
                (sums[channel], squares[channel]) = (sum, square)
            }
        }
    }

    package static func += (total: inout ChannelSums, other: ChannelSums) {
        total.count += other.count
        total.sums &+= other.sums
        total.squares &+= other.squares
    }

    /// All its numbers, which tell pictures apart unless they have the same pixels in another order.
    var numbers: [UInt64] { [count] + (0..<3).flatMap { [sums[$0], squares[$0]] } }

    /// Mean and standard deviation of each channel, as Keras's `Normalization` adapts to its data: variance over all pixels,
    /// divided by their number. A channel of one value alone is not divided, where Keras's divides by 1e-7.
    ///
    /// - Precondition: a picture was added.
    package var normalization: Normalization {
        precondition(count > 0, "a normalization is made of one picture at least")
        var (means, deviations): ([Float], [Float]) = ([], [])
        for channel in 0..<3 {
            let mean = Double(sums[channel]) / Double(count)
            let variance = max(0, Double(squares[channel]) / Double(count) - mean * mean)
            // A deviation that is rounding alone is none: the least that one pixel in all can cause is far above it.
            let isConstant = variance < 1e-9 * max(1, mean * mean)
            means.append(Float(mean / 255))
            deviations.append(isConstant ? 1 : Float(variance.squareRoot() / 255))
        }
        return Normalization(mean: means, deviation: deviations)
    }
}
