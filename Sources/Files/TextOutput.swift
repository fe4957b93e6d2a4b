/// Where lines of text go: a file, or standard output.
package protocol TextOutput: AnyObject {
    /// - Throws: `VitvideoError` of kind `inputOutput`.
    func write(_ text: String) throws

    /// Completes the output and gives it its name, or `name` where there is one.
    func finish(as name: String?) throws

    /// Removes what was written, as far as it can be taken back.
    func abandon()

    /// Unfinished files, to remove where the process ends at once.
    var temporaryPaths: [String] { get }
}

extension AtomicFile: TextOutput {
    package func finish(as name: String?) throws { try commit(as: name) }
    package var temporaryPaths: [String] { [temporaryPath] }
}
