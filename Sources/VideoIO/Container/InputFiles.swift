import Base
import Files

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

    /// Names of the pictures that an input's frames are, by the frame's number: of a picture and of a sequence those of
    /// the files, without folders; of a video `dog-000000.png`, as `ffmpeg -i dog.mp4 -start_number 0 dog-%06d.png`
    /// extracts them.
    ///
    /// - Parameter isStill: as in `VideoInfo`.
    /// - Throws: as `paths`.
    package static func pictureNames(of input: String, isStill: Bool) throws -> (Int) -> String {
        if let sequence = try sequence(input) {
            return { FileName.shown(sequence.path($0).lastPathPart) }
        }
        if isStill, input != "-" {
            let name = FileName.shown(input.lastPathPart)
            return { _ in name }
        }
        let stem = input == "-" ? "frame" : FileName.shown(input.pathStem)
        return { number in
            let digits = String(number)
            return "\(stem)-\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits).png"
        }
    }

    private static func sequence(_ input: String) throws -> ImageSequence? {
        // An address may be no file, and is no sequence.
        guard !FileSystem.exists(input), !input.contains("://"), input != "-" else { return nil }
        return try ImageSequence(pattern: input)
    }
}
