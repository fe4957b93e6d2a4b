import Pixels

/// Numbered pictures, from 1 on, each complete as soon as it is there.
final class SequenceOutput: PictureOutput {
    var temporaryPaths: [String] { [] }
    private let files: NumberedFiles
    private let encoder: StillEncoder

    init(_ path: String, size: PictureSize, codec: String, options: WriterOptions, log: WarningLog) throws {
        encoder = try StillEncoder(codec: codec, size: size)
        files = try NumberedFiles(path, options: options, log: log)
    }

    func write(_ image: RGBImage, at time: FrameTime) throws { try files.write(try encoder.encode(image)) }
    func write(_ packet: VideoPacket) throws { try files.write(packet.bytes) }
    func write(_ packets: [AudioPacket]) throws {}
    func finish(as name: String?) throws { try files.finish() }
    func abandon() { files.abandon() }
}
