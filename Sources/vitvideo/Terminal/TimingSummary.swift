import Foundation
import Pipeline

/// Where the time of a job went, for `--verbose`.
struct TimingSummary {
    let meters: StageMeters
    let workers: Int

    func text(frames: Int, seconds: Double) -> String {
        let stages = [
            ("decode", meters.input, 1), ("inference", meters.inference, workers),
            ("render and encode", meters.output, 1),
        ]
        var lines = [
            "\(frames) frames in \(Self.seconds(seconds)), "
                + String(format: "%.2f fps", Double(frames) / max(seconds, 1e-9))
        ]
        for (name, meter, threads) in stages {
            let share = meter.workingSeconds / max(seconds * Double(threads), 1e-9)
            lines.append(
                "  \(name.padding(toLength: 18, withPad: " ", startingAt: 0))"
                    + "\(Self.seconds(meter.workingSeconds)) on \(threads) thread\(threads == 1 ? "" : "s"), "
                    + "busy \(Int((share * 100).rounded())) %")
        }
        let bottleneck = stages.max {
            $0.1.workingSeconds / Double($0.2) < $1.1.workingSeconds / Double($1.2)
        }
        if let bottleneck { lines.append("  bottleneck: \(bottleneck.0)") }
        return lines.joined(separator: "\n")
    }

    private static func seconds(_ value: Double) -> String { String(format: "%.2f s", value) }
}
