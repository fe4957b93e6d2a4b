import CFFmpeg
import Pixels

/// A `FrameSelection` applied to one file: its ends resolved, its times on the file's clock.
struct SelectionPlan {
    enum Rule {
        case all
        case slice(ResolvedSlice)
        /// Microseconds from `origin`.
        case time(start: Int64, end: Int64?)
    }

    let rule: Rule
    /// The file's start time, in ticks of the video stream.
    let origin: Int64
    /// Frames before this one have been delivered by another reader.
    var firstIndex = 0

    /// Whether the selection has an end of its own.
    var isBounded: Bool {
        switch rule {
        case .all: false
        case .slice(let slice): slice.stop != nil
        case .time(_, let end): end != nil
        }
    }

    func isSelected(index: Int, time: FrameTime) -> Bool {
        guard index >= firstIndex else { return false }
        return switch rule {
        case .all: true
        case .slice(let slice): slice.contains(index)
        case .time(let start, let end):
            (start == 0 || compare(time, start) >= 0) && (end.map { compare(time, $0) < 0 } ?? true)
        }
    }

    /// Whether neither this frame nor any later one is selected.
    func isPast(index: Int, time: FrameTime) -> Bool {
        switch rule {
        case .all: false
        case .slice(let slice): slice.stop.map { index >= $0 } ?? false
        case .time(_, let end): end.map { compare(time, $0) >= 0 } ?? false
        }
    }

    /// The first frame that may influence a selected one: the deinterlacer looks a few frames back.
    var firstFrameOfContext: Int {
        var first = firstIndex
        if case .slice(let slice) = rule { first = max(first, slice.first) }
        return max(0, first - Deinterlacer.framesOfContext)
    }

    /// The selection in words: "frames 10:20".
    var description: String {
        switch rule {
        case .all: "frames"
        case .slice(let slice):
            FrameSelection.describe(start: slice.first, stop: slice.stop, step: slice.step)
        case .time(let start, let end): FrameSelection.describe(start: start, end: end)
        }
    }

    /// How many of `count` frames are selected, or a guess for a span of time.
    func expectedCount(of count: Int?, seconds: Double?, frameRate: Rational?) -> Int? {
        switch rule {
        case .all: return count
        case .slice(let slice):
            if let count { return slice.selectedCount(of: count) }
            return nil
        case .time(let start, let end):
            guard let frameRate, end != nil || seconds != nil else { return nil }
            let from = Double(start) / 1_000_000
            let until = min(end.map { Double($0) / 1_000_000 } ?? .infinity, seconds ?? .infinity)
            return max(1, Int(((until - from) * frameRate.value).rounded()))
        }
    }

    /// The time in ticks at which a span starts, rounded up; `nil` where the rule is no span.
    func startTicks(_ timeBase: Rational) -> Int64? {
        guard case .time(let start, _) = rule else { return nil }
        return origin
            + av_rescale_q_rnd(start, AVRational(.microseconds), AVRational(timeBase), AV_ROUND_UP)
    }

    private func compare(_ time: FrameTime, _ microseconds: Int64) -> Int32 {
        av_compare_ts(
            time.ptsTicks &- origin, AVRational(time.timeBase), microseconds, AVRational(.microseconds))
    }
}
