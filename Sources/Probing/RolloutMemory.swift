import Foundation
import ViT

/// What rollout takes, so that a size that does not fit can be refused before it is tried.
public enum RolloutMemory {
    /// Bytes for one picture at a time, beside the model's weights. Only a discard needs a whole matrix,
    /// `tokens × tokens`; all else grows linearly.
    ///
    /// - Parameter isGradient: whether it is gradient rollout.
    public static func bytes(
        _ c: Configuration, rows: Int, columns: Int, options: RolloutOptions, isGradient: Bool = false
    ) -> Int {
        guard isGradient else { return bytes(c, rows: rows, columns: columns, together: [options]) }
        let tokens = c.specialTokens + rows * columns
        let fold = RolloutFold.memoryBytes(
            options: options, tokens: tokens, stripRows: AttentionStrip.usualRows)
        let request = GradientRequest(
            target: .topLogit, keepsAttention: options.compatibility == .vitExplain)
        return fold + BackwardPass.memoryBytes(c, tokens: tokens, request: request)
    }

    /// Bytes that a `RolloutSet` takes, likewise.
    public static func bytes(
        _ c: Configuration, rows: Int, columns: Int, together options: [RolloutOptions]
    ) -> Int {
        let tokens = c.specialTokens + rows * columns
        let folds = options.reduce(0) { sum, options in
            sum
                + RolloutFold.memoryBytes(
                    options: options, tokens: tokens, stripRows: AttentionStrip.usualRows)
        }
        // The forward pass: state, LayerNorm's output, queries, keys, values.
        let forward = 5 * tokens * c.width * MemoryLayout<Float>.stride
        return folds + forward + AttentionReplay.memoryBytes(c, tokens: tokens)
    }

    /// The largest grid of about the same shape that fits.
    ///
    /// - Returns: nil where not even one patch fits.
    public static func largestGrid(
        _ c: Configuration, like rows: Int, _ columns: Int, options: RolloutOptions,
        isGradient: Bool = false, within availableBytes: Int
    ) -> (rows: Int, columns: Int)? {
        let short = min(rows, columns)
        func grid(_ side: Int) -> (rows: Int, columns: Int) {
            (max(1, rows * side / short), max(1, columns * side / short))
        }
        func fits(_ side: Int) -> Bool {
            let (rows, columns) = grid(side)
            return bytes(c, rows: rows, columns: columns, options: options, isGradient: isGradient)
                <= availableBytes
        }
        guard fits(1) else { return nil }
        var (fitting, tooLarge) = (1, 2)
        while fits(tooLarge) { (fitting, tooLarge) = (tooLarge, 2 * tooLarge) }
        while tooLarge - fitting > 1 {
            let middle = (fitting + tooLarge) / 2
            if fits(middle) { fitting = middle } else { tooLarge = middle }
        }
        return grid(fitting)
    }

    /// - Parameters:
    ///   - workers: how many pictures are worked on at once.
    ///   - availableBytes: what all of them may take.
    /// - Throws: `ProbingError` of kind `.memory`, naming the resolution that would fit.
    public static func check(
        _ c: Configuration, rows: Int, columns: Int, options: RolloutOptions, isGradient: Bool = false,
        workers: Int = 1, availableBytes: Int
    ) throws {
        let needed =
            workers * bytes(c, rows: rows, columns: columns, options: options, isGradient: isGradient)
        guard needed > availableBytes else { return }
        let fitting = largestGrid(
            c, like: rows, columns, options: options, isGradient: isGradient,
            within: availableBytes / workers)
        let advice =
            fitting.map { "--resolution \(min($0.rows, $0.columns) * c.patchSize) would fit" }
            ?? "no resolution would fit"
        throw ProbingError(
            kind: .memory,
            description: "rollout over \(rows)×\(columns) patches takes \(megabytes(needed)) and "
                + "\(megabytes(availableBytes)) are free; \(advice)"
                + (workers > 1 ? ", or use fewer than \(workers) workers" : "")
                + (options.discardRatio > 0 ? ", or leave out --discard-ratio" : ""))
    }

    private static func megabytes(_ bytes: Int) -> String { "\((bytes + 999_999) / 1_000_000) MB" }
}
