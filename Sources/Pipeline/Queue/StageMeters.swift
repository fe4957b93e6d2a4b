import Base

/// How long each stage has worked, to name the bottleneck.
package final class StageMeters: Sendable {
    package let input = Meter()
    package let inference = Meter()
    package let output = Meter()

    package init() {}

    /// Seconds summed over the threads of one stage.
    package final class Meter: Sendable {
        private let seconds = Monitor(0.0)

        package var workingSeconds: Double { seconds.wait { $0 } }

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
