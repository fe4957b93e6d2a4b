import Base

/// Whether the work on a patch grid fits into memory, and which grid of that shape would.
package enum GridMemory {
    /// The largest grid of about the same shape that fits. Patches are whole: a row of 145 may stand for all but 146,
    /// and as many are made room for.
    ///
    /// - Parameter bytes: what a grid of so many rows and columns takes.
    /// - Returns: nil where not even one patch fits.
    static func largestGrid(
        like rows: Int, _ columns: Int, within availableBytes: Int,
        bytes: (_ rows: Int, _ columns: Int) -> Int
    ) -> (rows: Int, columns: Int)? {
        let short = min(rows, columns)
        func scaled(_ count: Int, _ side: Int) -> Int { ((count + 1) * side + short - 1) / short - 1 }
        func grid(_ side: Int) -> (rows: Int, columns: Int) {
            rows < columns ? (side, scaled(columns, side)) : (scaled(rows, side), side)
        }
        func fits(_ side: Int) -> Bool {
            let (rows, columns) = grid(side)
            return bytes(rows, columns) <= availableBytes
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
    ///   - work: what takes the memory, to begin the message with: "rollout".
    ///   - workers: how many pictures are worked on at once.
    ///   - availableBytes: what all of them may take.
    ///   - discards: whether the work holds a matrix for a discard, which it could do without.
    ///   - bytes: what one picture takes on a grid of so many rows and columns.
    /// - Throws: `VitvideoError` of kind `usage`, naming the resolution that would fit.
    package static func check(
        _ work: String, patchSize: Int, rows: Int, columns: Int, workers: Int, availableBytes: Int,
        discards: Bool = false, bytes: (_ rows: Int, _ columns: Int) -> Int
    ) throws {
        let needed = workers * bytes(rows, columns)
        guard needed > availableBytes else { return }
        let fitting = largestGrid(like: rows, columns, within: availableBytes / workers, bytes: bytes)
        throw VitvideoError(
            .usage,
            reason: "\(work) over \(rows)×\(columns) patches takes \(byteText(needed)) and "
                + "\(byteText(availableBytes)) are free",
            nextStep: .fitMemory(
                resolution: fitting.map { min($0.rows, $0.columns) * patchSize },
                workers: workers > 1 ? workers : nil, withoutDiscarding: discards))
    }
}
