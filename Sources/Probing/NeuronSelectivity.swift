/// How selectively neurons fire over pictures, and which pictures excite them most, in memory that does not grow with
/// the pictures.
///
/// What a picture does to a neuron is r, its mean over the patches, 0 where that is negative. Selectivity is the
/// lifetime sparsity of Vinje and Gallant 2000 over n pictures,
///
///     S = (1 − (Σr/n)² / (Σr²/n)) / (1 − 1/n):
///
/// 0 where every picture excites the neuron alike, 1 where a single one does.
package struct NeuronSelectivity: Sendable {
    /// A picture and how much it excites a neuron.
    package struct Example: Sendable, Equatable {
        /// The picture's place among those added.
        package let picture: Int
        /// The mean over its patches.
        package let mean: Float

        package init(picture: Int, mean: Float) {
            (self.picture, self.mean) = (picture, mean)
        }
    }

    /// Pictures added so far.
    package private(set) var pictures = 0
    /// How many neurons there are.
    package var neurons: Int { sums.count }
    private let examples: Int
    private var sums: [Double]
    private var squares: [Double]
    /// Of each neuron its `examples` best pictures, best first.
    private var best: [[Example]]

    /// - Parameter examples: how many pictures are kept of each neuron.
    package init(neurons: Int, examples: Int) {
        self.examples = examples
        sums = [Double](repeating: 0, count: neurons)
        squares = sums
        best = [[Example]](repeating: [], count: neurons)
    }

    /// Adds a picture.
    ///
    /// - Parameter means: of each neuron over the picture's patches.
    package mutating func add(_ means: [Float]) {
        for (neuron, mean) in means.enumerated() {
            let response = Double(max(0, mean))
            sums[neuron] += response
            squares[neuron] += response * response
            if best[neuron].count == examples {
                guard let last = best[neuron].last, mean > last.mean else { continue }
                best[neuron].removeLast()
            }
            // Of equals the earlier picture stands first.
            let place = best[neuron].firstIndex { $0.mean < mean } ?? best[neuron].count
            best[neuron].insert(Example(picture: pictures, mean: mean), at: place)
        }
        pictures += 1
    }

    /// The pictures that excite a neuron most, best first.
    package func examples(of neuron: Int) -> [Example] { best[neuron] }

    /// The mean over the pictures of what each does to a neuron; NaN of none.
    package func mean(of neuron: Int) -> Double { sums[neuron] / Double(pictures) }

    /// S of a neuron, 0…1; NaN for one that no picture excites, and of fewer than two pictures.
    package func sparsity(of neuron: Int) -> Double {
        let n = Double(pictures)
        guard pictures > 1, squares[neuron] > 0 else { return .nan }
        let mean = sums[neuron] / n
        return min(1, max(0, (1 - mean * mean / (squares[neuron] / n)) / (1 - 1 / n)))
    }

    /// The most selective among the neurons that their best picture excites most: one that hardly fires at all may be
    /// selective by chance.
    ///
    /// - Parameter share: of all neurons, those that are chosen among; at least `count` are.
    /// - Returns: at most `count`, most selective first; of equals the one excited more, then of the lower index.
    package func mostSelective(_ count: Int, ofStrongest share: Double = 0.1) -> [Int] {
        let strengths = best.map { $0.first?.mean ?? 0 }
        let sparsities = best.indices.map { sparsity(of: $0) }
        let strongest = best.indices.sorted { (strengths[$1], $0) < (strengths[$0], $1) }
            .prefix(max(count, Int((share * Double(best.count)).rounded(.up))))
        return strongest.filter { sparsities[$0].isFinite }
            .sorted { (sparsities[$1], strengths[$1], $0) < (sparsities[$0], strengths[$0], $1) }
            .prefix(count).map { $0 }
    }
}
