import Pixels

/// Which frames a GIF shows, and how long its last one.
///
/// Browsers play a delay of less than 20 ms as 100 ms, so that 60 frames a second would last three times too long.
/// A frame that would be shown for less is left out, and the one before it stays; the total does not change.
struct GIFDelays {
    /// Frames that were left out.
    private(set) var leftOut = 0
    /// When the last frame that is shown begins, and the last one of all ends, in hundredths of a second.
    private var shown: Int64?
    private var end: Int64 = 0

    /// The shortest delay that is played as it is, in hundredths of a second.
    private static let shortest: Int64 = 2

    /// Whether a frame is shown.
    /// - Parameter time: in hundredths of a second.
    mutating func shows(_ time: FrameTime) -> Bool {
        end = max(end, time.ptsTicks + time.durationTicks)
        if let shown, time.ptsTicks < shown + GIFDelays.shortest {
            leftOut += 1
            return false
        }
        shown = time.ptsTicks
        return true
    }

    /// How long the last frame is shown, in hundredths of a second.
    var last: Int64 { max(GIFDelays.shortest, end - (shown ?? 0)) }
}
