import Base
import Files
import Pixels

extension AtomicFile {
    /// The file of an output. Its errors end as those of FFmpeg about the same file do.
    convenience init(
        _ path: String, _ options: WriterOptions, _ log: WarningLog?, cleansUp: Bool = true
    ) throws {
        try self.init(path, overwrite: options.overwrite, cleansUp: cleansUp, wording: .negatedCode) {
            log?.add(MediaWarning(.output, "\(path): \($0)"))
        }
    }
}

/// A single picture.
final class StillOutput: PictureOutput {
    var temporaryPaths: [String] { [file.temporaryPath] }
    private let path: String
    private let file: AtomicFile
    private let encoder: StillEncoder
    private var hasPicture = false

    init(_ path: String, size: PictureSize, codec: String, options: WriterOptions, log: WarningLog) throws {
        self.path = path
        encoder = try StillEncoder(codec: codec, size: size)
        file = try AtomicFile(path, options, log)
    }

    func write(_ image: RGBImage, at time: FrameTime) throws {
        guard !hasPicture else { throw Self.secondFrame(path) }
        try file.write(try encoder.encode(image))
        hasPicture = true
    }

    func write(_ packet: VideoPacket) throws {
        throw VitvideoError(.usage, cannot: "write", path: path, reason: "it is not written in segments")
    }

    static func secondFrame(_ path: String) -> VitvideoError {
        VitvideoError(
            .usage, cannot: "write a second frame to", path: path, reason: "it holds one picture",
            nextStep: .advice(
                "use a numbered name, \(path.insertingBeforeExtension("-%04d")), or select one frame"))
    }

    func write(_ packets: [AudioPacket]) throws {}
    func finish(as name: String?) throws { try file.commit(as: name) }
    func abandon() { file.abandon() }
}
