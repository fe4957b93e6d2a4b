/// A rational number, as FFmpeg counts time: `numerator / denominator`.
public struct Rational: Sendable, Hashable {
    public var numerator: Int32
    public var denominator: Int32

    public init(_ numerator: Int32, _ denominator: Int32) {
        self.numerator = numerator
        self.denominator = denominator
    }

    public var value: Double { Double(numerator) / Double(denominator) }
}

/// When a frame is shown, in the ticks of its stream.
public struct FrameTime: Sendable, Hashable {
    /// Presentation time in units of `timeBase`.
    public var ptsTicks: Int64
    /// How long the frame is shown, in units of `timeBase`; 0 where the container does not say.
    public var durationTicks: Int64
    /// Seconds per tick.
    public var timeBase: Rational

    public init(ptsTicks: Int64, durationTicks: Int64, timeBase: Rational) {
        self.ptsTicks = ptsTicks
        self.durationTicks = durationTicks
        self.timeBase = timeBase
    }

    /// Presentation time in seconds.
    public var seconds: Double { Double(ptsTicks) * timeBase.value }
}
