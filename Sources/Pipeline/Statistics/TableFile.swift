import Files
import VideoIO

/// A table of `CommaSeparated` values: a file, or standard output, where rows are as soon as they are known.
final class TableFile {
    /// What messages call it.
    let path: String
    private let output: any TextOutput

    /// - Parameter path: "-" for standard output.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    init(_ path: String, overwrite: Bool) throws {
        if path == "-" {
            (self.path, output) = (StandardOutput.name, StandardOutput())
        } else {
            (self.path, output) = (
                path, try AtomicFile(path, overwrite: overwrite, wording: .negatedCode)
            )
        }
    }

    var temporaryPaths: [String] { output.temporaryPaths }

    /// Standard output cannot be renamed; what is there is all there is.
    var partialName: String { output is StandardOutput ? path : OutputFormat.partialName(of: path) }

    /// - Throws: `VitvideoError` of kind `inputOutput`.
    func write(_ fields: [String]) throws { try output.write(CommaSeparated.line(fields)) }

    /// Completes the table and gives it its name, or `name` where there is one.
    func finish(as name: String? = nil) throws { try output.finish(as: name) }

    func abandon() { output.abandon() }
}
