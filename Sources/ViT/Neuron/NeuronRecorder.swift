import CKernels

/// Takes the values of a block's neurons at the patches out of a pass, as its tiles of rows come by. Workers write at the
/// same time, each what belongs to its rows.
final class NeuronRecorder {
    private let indices: [Int]
    private let width: Int
    private let specialTokens: Int
    private let patches: Int
    private let storage: Storage
    /// `indices × patches`.
    private let values: FloatBuffer
    /// Of each tile the sums and the sums of squares, `tiles × 2 × width`; empty where they are not wanted.
    private let sums: FloatBuffer

    /// - Parameters:
    ///   - indices: the neurons whose values are wanted.
    ///   - storage: of the hidden values.
    init(
        _ indices: [Int], wantsMoments: Bool, configuration c: Configuration, tokens: Int, storage: Storage
    ) {
        self.indices = indices
        self.storage = storage
        (width, specialTokens) = (c.feedForwardWidth, c.specialTokens)
        patches = tokens - c.specialTokens
        values = FloatBuffer(indices.count * patches)
        let tiles = (tokens + Scratch.rowTile - 1) / Scratch.rowTile
        sums = FloatBuffer(wantsMoments ? tiles * 2 * width : 0)
        sums.clear()
    }

    /// - Parameters:
    ///   - hidden: `rows × width` after the activation, as the engine stores it.
    ///   - start: the token of its first row, a multiple of the tile.
    func add(_ hidden: UnsafeRawPointer, start: Int, rows: Int) {
        let skipped = max(0, specialTokens - start)
        guard skipped < rows else { return }
        let (first, count) = (start + skipped - specialTokens, rows - skipped)
        let hidden = hidden + skipped * width * storage.byteCount
        for (place, index) in indices.enumerated() {
            let out = values.start + place * patches + first
            switch storage {
            case .float32: vv_column(out, hidden.assumingMemoryBound(to: Float.self), count, width, index)
            case .bfloat16:
                vv_column_bf16(out, hidden.assumingMemoryBound(to: UInt16.self), count, width, index)
            }
        }
        guard sums.count > 0 else { return }
        let tile = sums.start + start / Scratch.rowTile * 2 * width
        switch storage {
        case .float32:
            vv_add_column_moments(
                tile, tile + width, hidden.assumingMemoryBound(to: Float.self), count, width)
        case .bfloat16:
            vv_add_column_moments_bf16(
                tile, tile + width, hidden.assumingMemoryBound(to: UInt16.self), count, width)
        }
    }

    /// Of each neuron its value at every patch.
    func maps() -> [[Float]] {
        indices.indices.map {
            [Float](UnsafeBufferPointer(start: values.start + $0 * patches, count: patches))
        }
    }

    /// Nil where they were not wanted.
    func moments() -> NeuronMoments? {
        guard sums.count > 0 else { return nil }
        var totals = [Double](repeating: 0, count: 2 * width)
        for place in 0..<sums.count { totals[place % (2 * width)] += Double(sums.start[place]) }
        let means = totals.map { Float($0 / Double(patches)) }
        return NeuronMoments(mean: Array(means[..<width]), meanSquare: Array(means[width...]))
    }
}
