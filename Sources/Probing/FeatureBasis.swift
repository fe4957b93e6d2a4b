import Base
import Pixels
import ViT

/// The first principal components of patch tokens, fitted once so that colors hold through a clip.
package struct FeatureBasis: Sendable, Equatable, Codable {
    /// What is subtracted first, D values.
    package let mean: [Float]
    /// Orthonormal directions, `components × D`, by falling variance. The loading of the largest magnitude is
    /// positive, which fixes each direction's sign.
    package let directions: [[Float]]
    /// Share of the whole variance that each direction explains.
    package let explained: [Double]
    /// Per component the 1st and the 99th percentile of what the basis was fitted on: where 0 and 1 lie.
    package let ranges: [ClosedRange<Float>]

    /// - Parameter tokens: `tokens × D` after the final LayerNorm (`ForwardResult.tokens`).
    /// - Returns: one map per component, `rows × columns`, scaled by `ranges` and clamped to 0…1; a component
    ///   that was constant is all 0.
    package func maps(tokens: [Float], rows: Int, columns: Int) -> [Plane] {
        let width = mean.count
        let first = tokens.count / width - rows * columns
        precondition(first >= 0, "tokens of the whole grid")
        return directions.indices.map { component in
            let range = ranges[component]
            let span = range.upperBound - range.lowerBound
            var plane = Plane(height: rows, width: columns)
            guard span > 0 else { return plane }
            for patch in 0..<rows * columns {
                let value = project(tokens, token: first + patch, component: component)
                plane.values[patch] = min(1, max(0, (value - range.lowerBound) / span))
            }
            return plane
        }
    }

    /// The same components, each in the opposite direction.
    func turned() -> FeatureBasis {
        FeatureBasis(
            mean: mean, directions: directions.map { $0.map { -$0 } }, explained: explained,
            ranges: ranges.map { -$0.upperBound ... -$0.lowerBound })
    }

    /// A token's coordinate along a component.
    func project(_ tokens: [Float], token: Int, component: Int) -> Float {
        let width = mean.count
        return tokens.withUnsafeBufferPointer { tokens in
            directions[component].withUnsafeBufferPointer { direction in
                guard let token = tokens.baseAddress.map({ $0 + token * width }),
                    let direction = direction.baseAddress
                else { return 0 }
                return mean.withUnsafeBufferPointer { mean in
                    guard let mean = mean.baseAddress else { return 0 }
                    return VectorSum.product(token, direction, count: width)
                        - VectorSum.product(mean, direction, count: width)
                }
            }
        }
    }
}

/// Gathers the patch tokens of sampled frames and fits a `FeatureBasis` to them.
///
/// Memory does not grow with the frames but for up to 512 tokens of each, which the percentiles are taken
/// from.
package struct FeatureBasisFitter {
    private let width: Int
    private let components: Int
    private let product: MatrixProduct
    /// Taken off before squaring, so that a mean far from 0 does not drown the variance in rounding: the
    /// first frame's mean.
    private var shift: [Float] = []
    /// Of the shifted tokens.
    private var count = 0
    private var sums: [Double]
    private var squares: [Double]
    /// Of the sampled patches of all frames, `patches × D`.
    private(set) var samples: [Float] = []

    private static let samplesPerFrame = 512

    /// - Parameters:
    ///   - width: the model's D.
    ///   - components: how many to fit, at most D.
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    package init(width: Int, components: Int = 3) throws {
        precondition(components > 0 && components <= width, "between 1 and D components")
        self.width = width
        self.components = components
        product = try MatrixProduct()
        sums = [Double](repeating: 0, count: width)
        squares = [Double](repeating: 0, count: width * width)
    }

    /// Adds a frame.
    ///
    /// - Parameters:
    ///   - tokens: `tokens × D` after the final LayerNorm.
    ///   - specialTokens: how many of them come before the patches.
    package mutating func add(tokens: [Float], specialTokens: Int) {
        let patches = tokens.count / width - specialTokens
        guard patches > 0 else { return }
        let values = Array(tokens[(specialTokens * width)...])
        if shift.isEmpty {
            var means = [Double](repeating: 0, count: width)
            for i in values.indices { means[i % width] += Double(values[i]) }
            shift = means.map { Float($0 / Double(patches)) }
        }
        // Rows and columns exchanged, so that the squares are one product.
        var shifted = [Float](repeating: 0, count: values.count)
        for patch in 0..<patches {
            for i in 0..<width { shifted[i * patches + patch] = values[patch * width + i] - shift[i] }
        }
        for i in 0..<width {
            for patch in 0..<patches { sums[i] += Double(shifted[i * patches + patch]) }
        }
        var frame = [Float](repeating: 0, count: width * width)
        product(
            &frame, stride: width, shifted, stride: patches, shifted, stride: patches, bTransposed: true,
            m: width, n: width, k: patches)
        for i in frame.indices { squares[i] += Double(frame[i]) }
        count += patches

        for patch in Self.sampledPatches(of: patches) {
            samples += values[patch * width..<(patch + 1) * width]
        }
    }

    /// Up to 512 patches spread evenly over a frame's.
    static func sampledPatches(of patches: Int) -> [Int] {
        let kept = min(patches, samplesPerFrame)
        return (0..<kept).map { (2 * $0 + 1) * patches / (2 * kept) }
    }

    /// - Returns: the basis; nil before any frame was added.
    package func fit() -> FeatureBasis? {
        guard count > 0 else { return nil }
        let means = sums.map { $0 / Double(count) }
        var covariance = squares.map { $0 / Double(count) }
        // The product need not round both halves of a symmetric matrix alike.
        for i in 0..<width {
            for j in 0...i {
                let both = (covariance[i * width + j] + covariance[j * width + i]) / 2 - means[i] * means[j]
                covariance[i * width + j] = both
                covariance[j * width + i] = both
            }
        }
        let trace = (0..<width).reduce(0) { $0 + covariance[$1 * width + $1] }
        let found = LeadingEigenvectors.of(covariance, size: width, count: components)
        let directions = found.map { pair in
            let largest = pair.vector.max { abs($0) < abs($1) } ?? 1
            return pair.vector.map { Float(largest < 0 ? -$0 : $0) }
        }
        let unscaled = FeatureBasis(
            mean: zip(shift, means).map { $0 + Float($1) }, directions: directions,
            explained: found.map { trace > 0 ? max(0, $0.value) / trace : 0 },
            ranges: directions.map { _ in 0...0 })
        let ranges = directions.indices.map { component in
            let values = (0..<samples.count / width)
                .map { unscaled.project(samples, token: $0, component: component) }.sorted()
            return Percentile.of(values, 0.01)...Percentile.of(values, 0.99)
        }
        return FeatureBasis(
            mean: unscaled.mean, directions: directions, explained: unscaled.explained, ranges: ranges)
    }
}
