/// A slice with its negative ends resolved: frames `first`, `first + step`, … below `stop`.
struct ResolvedSlice: Equatable {
    var first: Int
    var stop: Int?
    var step: Int

    init(first: Int, stop: Int?, step: Int) {
        self.first = first
        self.stop = stop
        self.step = step
    }

    /// - Parameter count: the number of frames, needed where an end is negative.
    /// - Returns: `nil` where `count` is needed and missing.
    init?(start: Int, stop: Int?, step: Int, count: Int?) {
        func resolve(_ end: Int) -> Int? {
            if end >= 0 { return end }
            guard let count else { return nil }
            return max(0, count + end)
        }
        guard let first = resolve(start) else { return nil }
        self.first = first
        self.step = step
        if let stop {
            guard let resolved = resolve(stop) else { return nil }
            self.stop = resolved
        }
    }

    /// Whether no video of any length has a frame in it.
    var isEmpty: Bool { stop.map { $0 <= first } ?? false }

    func contains(_ index: Int) -> Bool {
        index >= first && (stop.map { index < $0 } ?? true) && (index - first) % step == 0
    }

    /// How many of the first `count` frames are selected.
    func selectedCount(of count: Int) -> Int {
        let end = min(stop ?? count, count)
        return end > first ? (end - first + step - 1) / step : 0
    }
}
