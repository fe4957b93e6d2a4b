import Base
import Pipeline

/// What taking over has come to, in words.
enum ReuseSummary {
    static func lines(_ tallies: [ReuseTally], of names: [String]) -> [String] {
        zip(names, tallies).compactMap { name, tally in
            guard tally.frames > 0 else { return nil }
            let subject = names.count == 1 ? "reuse" : "reuse, \(name)"
            let share = Int((100 * tally.computedShare).rounded())
            guard tally.checks > 0 else {
                return "vitvideo: \(subject): \(share) % was computed; no frame's error was looked at"
            }
            return
                "vitvideo: \(subject): \(share) % was computed; off by \(text(tally.meanError)) of 255 on average, by "
                + "\(text(tally.worstError)) in the worst of \(tally.checks) frames that were looked at"
        }
    }

    private static func text(_ levels: Double) -> String { formatted("%.2f", levels) }
}
