/// The files behind an input.
package enum InputFiles {
    /// The files that an input is read from, in order: one, or those of a sequence of pictures.
    /// - Parameter input: not an address.
    /// - Throws: `VitvideoError` as `VideoReader.open` does.
    package static func paths(of input: String) throws -> [String] {
        let source = try MediaSource(path: input)
        guard case .sequence(let sequence) = source.kind else { return [source.filePath] }
        // What cannot be opened is left out of the sequence: it holds nothing.
        return (0..<sequence.count).map(sequence.path).map { PictureFile.isReadable($0) ? $0 : "/dev/null" }
    }
}
