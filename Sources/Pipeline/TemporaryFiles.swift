import Foundation

/// The unfinished files of a process that has to end at once.
public enum TemporaryFiles {
    /// Removes `paths`, and the files beside them whose names begin with theirs, which libraries write to before
    /// they rename. What cannot be removed is left.
    public static func remove(_ paths: [String]) {
        for path in paths {
            let directory = (path as NSString).deletingLastPathComponent
            let name = (path as NSString).lastPathComponent
            let folder = directory.isEmpty ? "." : directory
            let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            for entry in entries where entry.hasPrefix(name) { unlink("\(folder)/\(entry)") }
        }
    }
}
