import CFFmpeg

/// The files behind inputs and outputs, and what reads and writes them.
package enum MediaFiles {
    /// The files that an input is read from, in order: one, or those of a sequence of pictures.
    /// - Parameter input: not an address.
    /// - Throws: `VideoIOError` as `VideoReader.open` does.
    package static func paths(of input: String) throws -> [String] {
        let source = try MediaSource(path: input)
        guard case .sequence = source.kind, let name = NumberedName(pattern: input),
            let sequence = try ImageSequence(pattern: input)
        else { return [input == "-" ? "/dev/stdin" : input] }
        return (0..<sequence.count).map { name.path(sequence.firstNumber + $0) }
    }

    /// FFmpeg's version: other versions may decode and encode otherwise.
    package static var libraryVersion: String { String(cString: av_version_info()) }
}
