import Base

/// "1 frame", "2 frames".
func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

/// Seconds with two decimals.
func shortSeconds(_ seconds: Double) -> String { formatted("%.2f", seconds) }
