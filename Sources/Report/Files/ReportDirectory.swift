import Files
import VideoIO

/// The directory of a report, which appears under its name only when everything is in it (`AtomicDirectory`).
/// Only another report, or an empty directory, is ever replaced. Used by one thread.
final class ReportDirectory {
    /// What makes a directory one that may be replaced.
    static let pageName = "index.html"
    static let mark = "<meta name=\"generator\" content=\"vitvideo"

    private let directory: AtomicDirectory
    private let overwrites: Bool

    /// - Parameter overwrite: whether a report of that name is replaced. What is no report never is.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    init(_ name: String, overwrite: Bool) throws {
        overwrites = overwrite
        directory = try AtomicDirectory(name, overwrite: overwrite) {
            try Self.check($0, overwrite: overwrite)
        }
    }

    /// The name it gets.
    var path: String { directory.path }
    /// Where it is meanwhile.
    var temporaryPath: String { directory.temporaryPath }

    /// Where to write a file of the report now.
    func location(of file: String) -> String { directory.location(of: file) }

    /// - Throws: `VitvideoError` of kind `inputOutput`.
    func makeDirectory(_ name: String) throws { try directory.makeDirectory(name) }

    /// - Throws: `VitvideoError` of kind `inputOutput`.
    func write(_ bytes: [UInt8], to file: String) throws { try directory.write(bytes, to: file) }

    /// Gives the directory its name.
    ///
    /// - Throws: `VitvideoError` of kind `cannotCreate` or `inputOutput`; the directory is removed then.
    func commit() throws { try directory.commit { try Self.check($0, overwrite: overwrites) } }

    /// Gives the directory a name that says that it is not the whole, in place of what an earlier interrupted
    /// run left.
    ///
    /// - Returns: that name.
    /// - Throws: as `commit`.
    func commitPartial() throws -> String {
        let name = OutputFormat.partialName(of: path)
        try directory.commit(as: name) { try Self.check($0, overwrite: true) }
        return name
    }

    /// Removes the directory. Does nothing once it has its name.
    func abandon() { directory.abandon() }

    private static func check(_ path: String, overwrite: Bool) throws {
        try AtomicDirectory.checkName(path, overwrite: overwrite, kind: "report", isOne: isReport)
    }

    /// Whether nothing but a report is lost with a directory.
    private static func isReport(_ path: String) -> Bool {
        guard let entries = FileSystem.names(in: path) else { return false }
        if entries.isEmpty { return true }
        let page = FileSystem.text(of: "\(path)/\(pageName)") ?? ""
        return page.contains(mark)
    }
}
