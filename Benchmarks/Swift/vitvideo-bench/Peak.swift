import ArgumentParser
import CPeak

/// The most that the CPU can multiply and add: chains of fused operations in registers.
struct Peak: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the CPU's peak of fused multiply-adds, in GFLOP/s.")

    @Option(help: "Threads that compute at once.")
    var threads = 1

    @Option(help: "About how long to measure each number format, in seconds.")
    var seconds = 0.5

    private struct Report: Encodable {
        let threads: Int
        /// GFLOP/s of all threads together; 0 where the CPU has no such instruction.
        let fp32: Double
        let bf16: Double
    }

    func validate() throws {
        guard (1...1024).contains(threads) else { throw ValidationError("--threads is 1 to 1024") }
        guard seconds > 0 else { throw ValidationError("--seconds is more than 0") }
    }

    func run() throws {
        try printJSON(
            Report(threads: threads, fp32: try rate(vv_peak_float32), bf16: try rate(vv_peak_bfloat16)))
    }

    /// The best of five measurements: what disturbs them only ever makes them slower.
    private func rate(_ kernel: @escaping @Sendable (UInt64) -> Double) throws -> Double {
        let trial: UInt64 = 100_000
        let operations = kernel(trial)
        guard operations > 0 else { return 0 }
        let trialSeconds = try Measurement.seconds(threads: 1) { _ in { _ = kernel(trial) } }
        let measurements = 5
        let rounds = UInt64(Double(trial) * seconds / Double(measurements) / max(trialSeconds, 1e-9)) + 1
        let work = operations / Double(trial) * Double(rounds) * Double(threads)
        let times = try (0..<measurements).map { _ in
            try Measurement.seconds(threads: threads) { _ in { _ = kernel(rounds) } }
        }
        return work / (times.min() ?? .infinity) / 1e9
    }
}
