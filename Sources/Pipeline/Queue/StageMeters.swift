/// How long each stage has worked and waited, to name the bottleneck.
public final class StageMeters: Sendable {
    public let input = Meter()
    public let inference = Meter()
    public let output = Meter()

    public init() {}

    /// Seconds summed over the threads of one stage.
    public final class Meter: Sendable {
        private let seconds = Monitor((working: 0.0, waiting: 0.0))

        public var workingSeconds: Double { seconds.wait { $0.working } }
        public var waitingSeconds: Double { seconds.wait { $0.waiting } }

        func working<Result>(_ body: () throws -> Result) rethrows -> Result {
            let start = ContinuousClock.now
            defer { add(working: start.duration(to: .now)) }
            return try body()
        }

        func waiting<Result>(_ body: () throws -> Result) rethrows -> Result {
            let start = ContinuousClock.now
            defer { add(waiting: start.duration(to: .now)) }
            return try body()
        }

        private func add(working: Duration = .zero, waiting: Duration = .zero) {
            seconds.change {
                $0.working += working / .seconds(1)
                $0.waiting += waiting / .seconds(1)
            }
        }
    }
}
