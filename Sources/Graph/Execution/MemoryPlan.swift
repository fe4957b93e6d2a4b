/// Where the tensors of a computation lie in one piece of memory: those that are not needed at the same time share it.
struct MemoryPlan: Sendable {
    /// A tensor that needs memory from one step to another, both included.
    struct Need {
        let key: Int
        let count: Int
        let from: Int
        let to: Int
    }

    /// Where each lies, in floats.
    private(set) var offsets: [Int: Int] = [:]
    /// Floats in all.
    private(set) var count = 0

    /// Whole cache lines.
    private static let unit = 16

    /// Each tensor in its turn takes the smallest gap between those that are there at the same time.
    init(_ needs: [Need]) {
        var placed: [(offset: Int, end: Int, to: Int)] = []
        for need in needs.sorted(by: { $0.from < $1.from }) {
            placed.removeAll { $0.to < need.from }
            let size = max(1, (need.count + Self.unit - 1) / Self.unit) * Self.unit
            var (best, bestGap) = (nil as Int?, Int.max)
            var free = 0
            for other in placed.sorted(by: { $0.offset < $1.offset }) {
                let gap = other.offset - free
                if gap >= size, gap < bestGap { (best, bestGap) = (free, gap) }
                free = max(free, other.end)
            }
            let offset = best ?? free
            offsets[need.key] = offset
            placed.append((offset, offset + size, need.to))
            count = max(count, offset + size)
        }
    }
}
