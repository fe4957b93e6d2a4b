import Base
import Glibc

/// Mixes the pictures of a batch in pairs (Zhang et al. 2018, arXiv 1710.09412): a share of each picture and the rest of
/// another, one share for the batch, drawn of Beta(α, α). The other picture comes of a random order of the batch.
package struct Mixup: Sendable, Hashable {
    package let alpha: Double

    /// - Precondition: α is above 0.
    package init(alpha: Double) {
        precondition(alpha > 0, "a Beta distribution has parameters above 0")
        self.alpha = alpha
    }

    /// The share of the first picture, in 0…1, and the place of the second of each.
    package func draw(count: Int, _ generator: inout SplitMix64) -> (share: Float, partners: [Int]) {
        (Float(generator.beta(alpha, alpha)), generator.permutation(of: count))
    }

    /// share · picture + (1 − share) · partner.
    ///
    /// - Parameter batch: without a mixture.
    package func mixed(_ batch: TrainingBatch, share: Float, partners: [Int]) -> TrainingBatch {
        let size = batch.pixels.count / max(1, batch.count)
        let pixels = [Float](unsafeUninitializedCapacity: batch.pixels.count) { to, count in
            batch.pixels.withUnsafeBufferPointer { from in
                for (picture, partner) in partners.enumerated() {
                    for place in 0..<size {
                        to[picture * size + place] =
                            share * from[picture * size + place] + (1 - share) * from[partner * size + place]
                    }
                }
            }
            count = batch.pixels.count
        }
        return TrainingBatch(
            pixels: pixels, count: batch.count, side: batch.side, labels: batch.labels,
            mixture: Mixture(
                labels: partners.map { batch.labels[$0] },
                shares: [Float](repeating: share, count: batch.count)))
    }
}

extension SplitMix64 {
    /// Of the distribution Beta(a, b), by two of gamma distributions. In logarithms: with small parameters both are often
    /// too small for any number.
    mutating func beta(_ a: Double, _ b: Double) -> Double {
        let (first, second) = (logarithmOfGamma(a), logarithmOfGamma(b))
        return 1 / (1 + exp(second - first))
    }

    /// The logarithm of a number of the distribution Gamma(shape, 1), by Marsaglia and Tsang's method; below 1 of one that is
    /// larger by 1, times U^(1/shape).
    private mutating func logarithmOfGamma(_ shape: Double) -> Double {
        // Of (0, 1], so that its logarithm is finite.
        func unit(_ generator: inout SplitMix64) -> Double {
            1 - Double(generator.next() >> 11) / Double(1 << 53)
        }
        let boost = shape < 1 ? log(unit(&self)) / shape : 0
        let d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = Double(normal())
            let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
            if v > 0, log(unit(&self)) < x * x / 2 + d - d * v + d * log(v) { return log(d * v) + boost }
        }
    }
}
