/// Setting the smallest entries of a matrix to 0.
package enum DiscardSelection {
    /// Zeroes the `count` smallest of some values, none of them negative or NaN.
    ///
    /// Where the last to go has equals, those first in the matrix go: what a stable sort would do.
    /// torch.topk, which vit-explain uses, makes no promise there. Softmax leaves no equals but by chance; in
    /// gradient rollout the many zeros are equals, and which of them is set to 0 makes no difference.
    ///
    /// The threshold is found by counting the upper and then the lower halves of the bit patterns, which
    /// order non-negative floats as the values: two passes and 512 KiB, where a sort of N² would take longer
    /// than the model.
    ///
    /// - Parameter spare: an index that keeps its value even where it is among the smallest; it counts all
    ///   the same, as in vit-explain.
    package static func zeroSmallest(
        _ count: Int, of values: UnsafeMutableBufferPointer<Float>, sparing spare: Int?
    ) {
        guard count > 0, let start = values.baseAddress else { return }
        let all = values.count
        let spared = spare.map { start[$0] }
        if count >= all {
            start.update(repeating: 0, count: all)
        } else {
            let (threshold, equals) = nth(count, of: UnsafePointer(start), count: all)
            var left = equals
            for i in 0..<all {
                let bits = start[i].bitPattern
                if bits < threshold {
                    start[i] = 0
                } else if bits == threshold && left > 0 {
                    start[i] = 0
                    left -= 1
                }
            }
        }
        if let spare, let spared { start[spare] = spared }
    }

    /// The bit pattern of the `rank`-th smallest value (from 1), and how many of the `rank` smallest equal
    /// it.
    private static func nth(_ rank: Int, of values: UnsafePointer<Float>, count: Int) -> (UInt32, Int) {
        func bucket(_ counts: [Int], _ rank: inout Int) -> Int {
            for (index, held) in counts.enumerated() {
                if rank <= held { return index }
                rank -= held
            }
            return counts.count - 1
        }
        var rank = rank
        var counts = [Int](repeating: 0, count: 1 << 16)
        counts.withUnsafeMutableBufferPointer { counts in
            for i in 0..<count { counts[Int(values[i].bitPattern >> 16)] += 1 }
        }
        let upper = UInt32(bucket(counts, &rank))
        counts.withUnsafeMutableBufferPointer { counts in
            counts.update(repeating: 0)
            for i in 0..<count where values[i].bitPattern >> 16 == upper {
                counts[Int(values[i].bitPattern & 0xFFFF)] += 1
            }
        }
        let lower = UInt32(bucket(counts, &rank))
        return (upper << 16 | lower, rank)
    }
}
