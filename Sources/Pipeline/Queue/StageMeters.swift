/// How long each stage has worked, to name the bottleneck.
public final class StageMeters: Sendable {
    public let input = Meter()
    public let inference = Meter()
    public let output = Meter()

    public init() {}

    /// Seconds summed over the threads of one stage.
    public final class Meter: Sendable {
        private let seconds = Monitor(0.0)

        public var workingSeconds: Double { seconds.wait { $0 } }

        func working<Result>(_ body: () throws -> Result) rethrows -> Result {
            let start = ContinuousClock.now
            defer {
                let elapsed = start.duration(to: .now) / .seconds(1)
                seconds.change { $0 += elapsed }
            }
            return try body()
        }
    }
}
