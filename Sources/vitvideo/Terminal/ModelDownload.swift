import Downloads
import Foundation
import ModelZoo
import Pipeline

/// Downloads models with a progress bar on a terminal that can redraw it. A signal stops the download and keeps what has arrived
/// for the next try.
struct ModelDownload {
    let cache: ModelCache
    var isQuiet = false

    /// Downloads a known model's weights and checks them.
    ///
    /// - Throws: as `ModelCache.download`.
    func run(_ entry: ModelZoo.Entry) throws -> ModelCache.Location {
        if let address = entry.license.address, !isQuiet {
            StandardError.line("vitvideo: \(entry.name) is under the \(entry.license.name), see \(address)")
        }
        let stop = StopRequest()
        Interruption.begin(stop: stop, notice: "stopping; what has come is kept for the next try")
        defer { Interruption.end() }
        var isAnnounced = false
        var hasBar = false
        defer { if hasBar { StandardError.write("\n") } }
        return try cache.download(
            entry,
            progress: { progress in
                guard !isQuiet else { return }
                if !isAnnounced {
                    StandardError.line("vitvideo: fetching \(entry.name) from \(entry.source)")
                }
                isAnnounced = true
                guard StandardError.canRedraw else { return }
                hasBar = true
                StandardError.write("\r" + Self.line(progress, columns: StandardError.columns) + "\u{1B}[K")
            }, isCancelled: { stop.isRequested })
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
