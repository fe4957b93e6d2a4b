import Files
import VideoIO

/// The directory of a ranking, which appears under its name only when everything is in it. Only another ranking, or an
/// empty directory, is ever replaced.
struct RankingDirectory {
    static let table = "neurons.csv"
    static let sheet = "neurons.png"

    private let directory: AtomicDirectory
    private let overwrites: Bool

    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    init(_ name: String, overwrite: Bool) throws {
        overwrites = overwrite
        directory = try AtomicDirectory(name, overwrite: overwrite) {
            try Self.check($0, overwrite: overwrite)
        }
    }

    /// Where it is meanwhile.
    var temporaryPath: String { directory.temporaryPath }

    /// - Throws: `VitvideoError` of kind `inputOutput`.
    func write(_ bytes: [UInt8], to file: String) throws { try directory.write(bytes, to: file) }

    /// - Throws: `VitvideoError` of kind `cannotCreate` or `inputOutput`; the directory is removed then.
    func commit() throws { try directory.commit { try Self.check($0, overwrite: overwrites) } }

    /// Gives the directory a name that says that it is not the whole.
    ///
    /// - Returns: that name.
    /// - Throws: as `commit`.
    func commitPartial() throws -> String {
        let name = OutputFormat.partialName(of: directory.path)
        try directory.commit(as: name) { try Self.check($0, overwrite: true) }
        return name
    }

    func abandon() { directory.abandon() }

    private static func check(_ path: String, overwrite: Bool) throws {
        try AtomicDirectory.checkName(path, overwrite: overwrite, kind: "ranking") { path in
            FileSystem.names(in: path).map { Set($0).isSubset(of: [table, sheet]) } ?? false
        }
    }
}
