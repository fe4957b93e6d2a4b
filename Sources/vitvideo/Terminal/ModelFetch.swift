import Downloads
import Foundation
import Pipeline
import ViT

/// Fetches models with a progress bar on a terminal; a signal stops it and keeps what has come for the next try.
struct ModelFetch {
    let cache: ModelCache
    var isQuiet = false

    /// Fetches a known model's weights and checks them.
    ///
    /// - Returns: the path of the file.
    /// - Throws: `VitvideoError`, `CheckpointError`.
    func pull(_ name: String) throws -> String {
        let entry = try ModelZoo.entry(named: name)
        return try withDisplay(of: entry) { progress, isCancelled in
            try cache.pull(name, progress: progress, isCancelled: isCancelled)
        }
    }

    /// Loads a known model, fetching it first where it is nowhere on this machine.
    ///
    /// - Throws: `VitvideoError`, `CheckpointError`.
    func load(_ name: String, offline: Bool, positionInterpolation: PositionInterpolation?) throws -> Model {
        let entry = try ModelZoo.entry(named: name)
        if offline || cache.has(entry) {
            return try cache.load(name, offline: offline, positionInterpolation: positionInterpolation)
        }
        return try withDisplay(of: entry) { progress, isCancelled in
            try cache.load(
                name, positionInterpolation: positionInterpolation, progress: progress,
                isCancelled: isCancelled)
        }
    }

    private func withDisplay<Result>(
        of entry: ModelZoo.Entry,
        _ body: (_ progress: (Download.Progress) -> Void, _ isCancelled: () -> Bool) throws -> Result
    ) throws -> Result {
        let stop = StopRequest()
        Interruption.begin(stop: stop, notice: "stopping; what has come is kept for the next try")
        defer { Interruption.end() }
        var isAnnounced = false
        var hasBar = false
        defer { if hasBar { StandardError.write("\n") } }
        return try body(
            { progress in
                guard !isQuiet else { return }
                if !isAnnounced {
                    StandardError.line("vitvideo: fetching \(entry.name) from \(entry.source)")
                }
                isAnnounced = true
                guard StandardError.isTerminal else { return }
                hasBar = true
                StandardError.write(
                    "\r" + ModelFetch.line(progress, columns: StandardError.columns) + "\u{1B}[K")
            }, { stop.isRequested })
    }

    /// `███▌    ▕ 41/88 MB`
    static func line(_ progress: Download.Progress, columns: Int) -> String {
        let megabytes = { (bytes: Int64) in String(format: "%.1f", Double(bytes) / 1e6) }
        guard let total = progress.total, total > 0 else { return "\(megabytes(progress.received)) MB" }
        let share = min(Double(progress.received) / Double(total), 1)
        let text = " \(megabytes(progress.received))/\(megabytes(total)) MB"
        return ProgressDisplay.bar(share: share, width: min(columns - text.count - 2, 40)) + text
    }
}
