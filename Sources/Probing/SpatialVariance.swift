import ViT

/// How much of what a neuron does differs from place to place: the share of its variance, over all patches of all
/// pictures, that lies within pictures. The rest lies between them; a neuron that is uniform over each picture has a
/// share of 0, one that does the same in every picture a share of 1.
///
/// For neuron f, with n_p patches in picture p and N in all,
///
///     share_f = Σ_p n_p · Var_p(u_f) / (N · Var(u_f)).
///
/// It measures what Ghiasi et al. 2022 show by maps, that the last layer spreads what it found over the picture. Sums
/// are kept, in the memory of one picture.
package struct SpatialVariance: Sendable {
    /// Pictures added so far.
    package private(set) var pictures = 0
    private var patches = 0.0
    /// By block and neuron, over the patches: within pictures, of the values, of their squares.
    private var within: [[Double]] = []
    private var sums: [[Double]] = []
    private var squares: [[Double]] = []

    /// Rounding alone gives a neuron that never changes some variance: less than this share of its mean square counts
    /// as none.
    private static let least = 1e-9

    package init() {}

    /// Adds a picture.
    ///
    /// - Parameter moments: by block; of every picture as many.
    package mutating func add(_ moments: [NeuronMoments], patches count: Int) {
        if sums.isEmpty {
            sums = moments.map { [Double](repeating: 0, count: $0.mean.count) }
            (within, squares) = (sums, sums)
        }
        let weight = Double(count)
        for (block, moments) in moments.enumerated() {
            for neuron in moments.mean.indices {
                within[block][neuron] += weight * moments.variance(neuron)
                sums[block][neuron] += weight * Double(moments.mean[neuron])
                squares[block][neuron] += weight * Double(moments.meanSquare[neuron])
            }
        }
        patches += weight
        pictures += 1
    }

    /// By block each neuron's share, 0…1; NaN for a neuron that never changes.
    package var shares: [[Double]] {
        within.indices.map { block in
            within[block].indices.map { neuron in
                let square = squares[block][neuron]
                let total = square - sums[block][neuron] * sums[block][neuron] / patches
                guard total > square * Self.least else { return .nan }
                return min(1, max(0, within[block][neuron] / total))
            }
        }
    }
}
