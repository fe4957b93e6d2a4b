/// A rational number, as FFmpeg counts time: `numerator / denominator`.
package struct Rational: Sendable, Hashable {
    package var numerator: Int32
    package var denominator: Int32

    package init(_ numerator: Int32, _ denominator: Int32) {
        self.numerator = numerator
        self.denominator = denominator
    }

    package var value: Double { Double(numerator) / Double(denominator) }
}

/// When a frame is shown, in the ticks of its stream.
package struct FrameTime: Sendable, Hashable {
    /// Presentation time in units of `timeBase`.
    package var ptsTicks: Int64
    /// How long the frame is shown, in units of `timeBase`; 0 where the container does not say.
    package var durationTicks: Int64
    /// Seconds per tick.
    package var timeBase: Rational

    package init(ptsTicks: Int64, durationTicks: Int64, timeBase: Rational) {
        self.ptsTicks = ptsTicks
        self.durationTicks = durationTicks
        self.timeBase = timeBase
    }

    /// Presentation time in seconds.
    package var seconds: Double { Double(ptsTicks) * timeBase.value }
}
