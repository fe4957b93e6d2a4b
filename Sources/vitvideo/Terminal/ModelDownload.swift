import Base
import Downloads
import Glibc
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
        return try watched(entry.name, from: entry.source) { show, isCancelled in
            try cache.download(entry, progress: { show("", $0) }, isCancelled: isCancelled)
        }
    }

    /// Downloads a model of the Hugging Face hub.
    ///
    /// - Throws: as `ModelCache.download`.
    func run(_ reference: HubReference) throws -> ModelCache.Location {
        try watched(reference.description, from: cache.hub.page(of: reference)) { show, isCancelled in
            try cache.download(reference, progress: show, isCancelled: isCancelled)
        }
    }

    /// Shows how far the download of a model is, file by file where it is several, and stops it on a signal.
    private func watched(
        _ name: String, from source: String,
        _ download: (
            _ show: @escaping (_ file: String, Download.Progress) -> Void,
            _ isCancelled: @escaping () -> Bool
        ) throws -> ModelCache.Location
    ) throws -> ModelCache.Location {
        let stop = StopRequest()
        Interruption.begin(stop: stop, notice: "stopping; what has come is kept for the next try")
        defer { Interruption.end() }
        var isAnnounced = false
        /// The file whose bar is shown.
        var shown: String?
        defer { if shown != nil { StandardError.write("\n") } }
        return try download(
            { file, progress in
                guard !isQuiet else { return }
                if !isAnnounced { StandardError.line("vitvideo: fetching \(name) from \(source)") }
                isAnnounced = true
                guard StandardError.canRedraw else { return }
                if let last = shown, last != file { StandardError.write("\n") }
                shown = file
                let title = file.isEmpty ? "" : file + " "
                StandardError.write(
                    "\r" + title + Self.line(progress, columns: StandardError.columns - title.count)
                        + "\u{1B}[K")
            }, { stop.isRequested })
    }

    /// `███▌    ▕ 41/88 MB`
    static func line(_ progress: Download.Progress, columns: Int) -> String {
        let megabytes = { (bytes: Int64) in formatted("%.1f", Double(bytes) / 1e6) }
        guard let total = progress.total, total > 0 else { return "\(megabytes(progress.received)) MB" }
        let share = min(Double(progress.received) / Double(total), 1)
        let text = " \(megabytes(progress.received))/\(megabytes(total)) MB"
        return ProgressDisplay.bar(share: share, width: min(columns - text.count - 2, 40)) + text
    }
}
