/// Gives every decoded frame a presentation time later than the one before it.
///
/// Good timestamps pass through untouched. A missing one is guessed from the frame rate; one that repeats or
/// steps back becomes one tick later than its predecessor, so that those after it keep theirs. Clocks that restart are
/// the business of `JoinedClock`.
struct TimestampRepair {
    /// How long a frame is shown where nothing says otherwise, in ticks; at least 1.
    let nominalDuration: Int64

    private var last: Int64?
    private var lastDuration: Int64
    /// Frames that had no timestamp, and frames moved by a tick.
    private(set) var missing = 0
    private(set) var reordered = 0

    init(nominalDuration: Int64) {
        self.nominalDuration = max(1, nominalDuration)
        lastDuration = max(1, nominalDuration)
    }

    /// - Parameters:
    ///   - pts: the frame's own timestamp, in ticks.
    ///   - duration: the frame's own duration in ticks, 0 where unknown.
    /// - Returns: the time to use, in ticks, and the duration.
    mutating func time(pts: Int64?, duration: Int64) -> (pts: Int64, duration: Int64) {
        let length = duration > 0 ? duration : nominalDuration
        defer { lastDuration = length }
        var time: Int64
        if let pts {
            time = pts
            if let last, time <= last {
                reordered += 1
                time = last + 1
            }
        } else {
            missing += 1
            time = last.map { $0 + lastDuration } ?? 0
        }
        last = time
        return (time, length)
    }

    /// One line on what was repaired; `nil` where nothing was.
    /// - Parameter restarts: how often the clock restarted.
    func summary(restarts: Int) -> String? {
        var parts: [String] = []
        if missing > 0 { parts.append("\(counted(missing, "frame")) had no timestamp") }
        if reordered > 0 { parts.append("\(counted(reordered, "timestamp")) repeated or ran backwards") }
        if restarts > 0 { parts.append("the clock restarted \(counted(restarts, "time"))") }
        return parts.isEmpty ? nil : parts.joined(separator: ", ") + "; times were filled in"
    }
}
