import Base
import Pipeline

/// Where the time of a job went, for `--verbose`.
struct TimingSummary {
    let meters: StageMeters
    let workers: Int
    /// What is counted, and how so many of them a second are called.
    var unit = (name: "frames", rate: "fps")
    /// What the last stage does.
    var outputStage = "render and encode"

    func text(count: Int, seconds: Double) -> String {
        let stages = [
            ("decode", meters.input, 1), ("inference", meters.inference, workers),
            (outputStage, meters.output, 1),
        ]
        var lines = [
            "\(count) \(unit.name) in \(Self.seconds(seconds)), "
                + formatted("%.2f ", Double(count) / max(seconds, 1e-9)) + unit.rate
        ]
        for (name, meter, threads) in stages {
            let share = meter.workingSeconds / max(seconds * Double(threads), 1e-9)
            lines.append(
                "  \(name.padded(to: 21))\(Self.seconds(meter.workingSeconds)) on "
                    + "\(threads) thread\(threads == 1 ? "" : "s"), "
                    + "busy \(Int((share * 100).rounded())) %")
        }
        let bottleneck = stages.max {
            $0.1.workingSeconds / Double($0.2) < $1.1.workingSeconds / Double($1.2)
        }
        if let bottleneck { lines.append("  bottleneck: \(bottleneck.0)") }
        return lines.joined(separator: "\n")
    }

    private static func seconds(_ value: Double) -> String { formatted("%.2f s", value) }
}
