import ViT

/// The memory that rollout takes: the folds' and that of the passes (`MemoryModel`).
package enum RolloutMemory {
    /// Bytes for one picture at a time, beside the model's weights. Only a discard needs a whole matrix,
    /// `tokens × tokens`; all else grows linearly.
    ///
    /// - Parameter isGradient: whether it is gradient rollout.
    package static func bytes(
        _ c: Configuration, rows: Int, columns: Int, options: RolloutOptions, isGradient: Bool = false
    ) -> Int {
        guard isGradient else { return bytes(c, rows: rows, columns: columns, together: [options]) }
        let tokens = c.specialTokens + rows * columns
        let fold = RolloutFold.memoryBytes(
            options: options, tokens: tokens, stripRows: AttentionStrip.usualRows)
        let request = GradientRequest(
            target: .topLogit, keepsAttention: options.compatibility == .vitExplain)
        return fold + MemoryModel(c, tokens: tokens).backwardPass(request)
    }

    /// Bytes that a `RolloutSet` takes for one picture, beside the model's weights.
    package static func bytes(
        _ c: Configuration, rows: Int, columns: Int, together options: [RolloutOptions]
    ) -> Int {
        let tokens = c.specialTokens + rows * columns
        let folds = options.reduce(0) { sum, options in
            sum
                + RolloutFold.memoryBytes(
                    options: options, tokens: tokens, stripRows: AttentionStrip.usualRows)
        }
        let memory = MemoryModel(c, tokens: tokens)
        return folds + memory.forwardActivations + memory.attentionReplay()
    }

    /// The largest grid of about the same shape that fits.
    ///
    /// - Returns: nil where not even one patch fits.
    package static func largestGrid(
        _ c: Configuration, like rows: Int, _ columns: Int, options: RolloutOptions,
        isGradient: Bool = false, within availableBytes: Int
    ) -> (rows: Int, columns: Int)? {
        GridMemory.largestGrid(like: rows, columns, within: availableBytes) {
            bytes(c, rows: $0, columns: $1, options: options, isGradient: isGradient)
        }
    }

    /// - Parameters:
    ///   - workers: how many pictures are worked on at once.
    ///   - availableBytes: what all of them may take.
    /// - Throws: `VitvideoError` of kind `usage`, naming the resolution that would fit.
    package static func check(
        _ c: Configuration, rows: Int, columns: Int, options: RolloutOptions, isGradient: Bool = false,
        workers: Int = 1, availableBytes: Int
    ) throws {
        try GridMemory.check(
            "rollout", patchSize: c.patchSize, rows: rows, columns: columns, workers: workers,
            availableBytes: availableBytes, discards: options.discardRatio > 0
        ) { bytes(c, rows: $0, columns: $1, options: options, isGradient: isGradient) }
    }
}
