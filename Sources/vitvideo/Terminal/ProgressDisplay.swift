import Base
import Glibc
import Pipeline

/// Shows how far a job is: a bar on a terminal, lines of text on one that cannot redraw, one JSON object a line, or
/// nothing.
final class ProgressDisplay {
    enum Style { case bar, lines, json, none }

    private let style: Style
    private let total: Int?
    /// What is counted, and how the bar calls so many of them a second.
    private let unit: (name: String, rate: String)
    /// How many of those counted were there before.
    private let kept: Int
    private let start = ContinuousClock.now
    private var lastDrawn: ContinuousClock.Instant?
    private var position: (frames: Int, lastFrame: Int)?
    /// Numbers that go with the position.
    private var figures: [(name: String, value: Double)] = []
    /// Whether what is shown is the end of the job: the position, and that no time remains.
    private var showsEnd = false
    private var hasBar = false

    /// - Parameters:
    ///   - total: frames expected, nil where unknown.
    ///   - kept: frames that an earlier run has done, of which no time is counted.
    init(
        style: Style, total: Int?, kept: Int = 0, unit: (name: String, rate: String) = ("frames", "fps")
    ) {
        self.kept = kept
        self.style = style
        self.total = total
        self.unit = unit
    }

    /// How much time lies between two drawings at least.
    private var interval: Duration { style == .lines ? .seconds(5) : .milliseconds(100) }

    /// Called after each frame; draws now and then.
    ///
    /// - Parameter figures: numbers to show beside.
    func update(frames: Int, lastFrame: Int, figures: [(name: String, value: Double)] = []) {
        position = (frames, lastFrame)
        self.figures = figures
        let now = ContinuousClock.now
        if let lastDrawn, now - lastDrawn < interval { return }
        lastDrawn = now
        draw(isLast: frames == total)
    }

    /// Shows where the job ended, which need not be where it was expected to, and leaves the bar's line, so that
    /// what follows starts on one of its own.
    func finish() {
        if !showsEnd { draw(isLast: true) }
        if hasBar { StandardError.write("\n") }
        hasBar = false
    }

    private func draw(isLast: Bool) {
        guard let (frames, lastFrame) = position else { return }
        showsEnd = isLast
        let seconds = max((ContinuousClock.now - start) / .seconds(1), 1e-6)
        switch style {
        case .bar: drawBar(frames: frames, seconds: seconds, isLast: isLast)
        case .lines: StandardError.line("vitvideo:" + text(frames: frames, seconds: seconds, isLast: isLast))
        case .json: writeObject(frames: frames, lastFrame: lastFrame, seconds: seconds, isLast: isLast)
        case .none: break
        }
    }

    /// - Parameter isLast: whether no time remains, so that the time taken is shown instead.
    private func text(frames: Int, seconds: Double, isLast: Bool) -> String {
        let rate = Double(frames - kept) / seconds
        var text = " \(frames)"
        if let total { text += "/\(total)" }
        text += " \(unit.name)  \(Self.rate(rate)) \(unit.rate)  "
        if let total, !isLast {
            text += "ETA \(Self.clock(Double(max(total - frames, 0)) / rate))"
        } else {
            text += Self.clock(seconds)
        }
        for figure in figures {
            text += "  \(figure.name.replacing("_", with: " ")) \(formatted("%.4g", figure.value))"
        }
        return text
    }

    private func drawBar(frames: Int, seconds: Double, isLast: Bool) {
        let text = text(frames: frames, seconds: seconds, isLast: isLast)
        var bar = ""
        if let total, total > 0 {
            bar = Self.bar(
                share: min(Double(frames) / Double(total), 1),
                width: min(StandardError.columns - text.count - 4, 40))
        }
        // \u{1B}[K clears what a longer line before left behind.
        StandardError.write(
            "\r" + bar + text.prefix(max(StandardError.columns - bar.count - 1, 0)) + "\u{1B}[K")
        hasBar = true
    }

    private func writeObject(frames: Int, lastFrame: Int, seconds: Double, isLast: Bool) {
        let rate = Double(frames - kept) / seconds
        var fields = ["\"frames\":\(frames)", "\"frame\":\(lastFrame)"]
        if let total { fields.append("\"total\":\(total)") }
        fields.append("\"fps\":\(Self.decimal(rate))")
        fields.append("\"elapsed_seconds\":\(Self.decimal(seconds))")
        if let total {
            let remaining = isLast ? 0 : Double(max(total - frames, 0)) / rate
            fields.append("\"eta_seconds\":\(Self.decimal(remaining))")
        }
        for figure in figures {
            fields.append("\"\(figure.name)\":\(formatted("%.6g", figure.value))")
        }
        StandardError.line("{" + fields.joined(separator: ",") + "}")
    }

    // MARK: Text

    /// A bar with eighths of a cell; empty where there is no room for one.
    static func bar(share: Double, width: Int) -> String {
        guard width >= 8 else { return "" }
        let eighths = Int(share * Double(width) * 8)
        let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
        let filled = String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
        return filled.padded(to: width) + "▕"
    }

    static func clock(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 360_000 else { return "--:--" }
        let whole = Int(seconds.rounded())
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        return hours > 0
            ? formatted("%d:%02d:%02d", hours, minutes, rest) : formatted("%d:%02d", minutes, rest)
    }

    static func rate(_ value: Double) -> String { formatted(value < 10 ? "%.2f" : "%.1f", value) }

    private static func decimal(_ value: Double) -> String { formatted("%.3f", value) }
}
