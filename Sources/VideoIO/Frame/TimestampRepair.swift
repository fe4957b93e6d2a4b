/// Gives every decoded frame a presentation time later than the one before it.
///
/// Good timestamps pass through untouched. A missing one is guessed from the frame rate; one that repeats or
/// steps back a little becomes one tick later than its predecessor, so that those after it keep theirs; one
/// that falls back by more than a second is taken for a restarted clock, and the clock goes on from there.
struct TimestampRepair {
    /// How long a frame is shown where nothing says otherwise, in ticks; at least 1.
    let nominalDuration: Int64
    /// One second in ticks.
    let ticksPerSecond: Int64

    private var last: Int64?
    private var lastDuration: Int64
    private var offset: Int64 = 0
    /// Frames that had no timestamp, frames moved by a tick, and restarts of the clock.
    private(set) var missing = 0
    private(set) var reordered = 0
    private(set) var restarts = 0

    init(nominalDuration: Int64, ticksPerSecond: Int64) {
        self.nominalDuration = max(1, nominalDuration)
        self.ticksPerSecond = max(1, ticksPerSecond)
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
            time = pts &+ offset
            if let last, time <= last {
                if last - time > ticksPerSecond {
                    restarts += 1
                    time = last + lastDuration
                    offset = time &- pts
                } else {
                    reordered += 1
                    time = last + 1
                }
            }
        } else {
            missing += 1
            time = last.map { $0 + lastDuration } ?? 0
        }
        last = time
        return (time, length)
    }

    /// One line on what was repaired; `nil` where nothing was.
    var summary: String? {
        var parts: [String] = []
        if missing > 0 { parts.append("\(counted(missing, "frame")) had no timestamp") }
        if reordered > 0 { parts.append("\(counted(reordered, "timestamp")) repeated or ran backwards") }
        if restarts > 0 { parts.append("the clock restarted \(counted(restarts, "time"))") }
        return parts.isEmpty ? nil : parts.joined(separator: ", ") + "; times were filled in"
    }
}
