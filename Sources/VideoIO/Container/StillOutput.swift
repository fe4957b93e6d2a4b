import Base
import CFFmpeg
import Foundation
import Pixels

/// Writes bytes to a file that appears only when complete.
func writeWhole(_ bytes: [UInt8], to file: OutputFile) throws {
    func fail(_ code: Int32) -> VitvideoError {
        VitvideoError.ffmpeg(
            .inputOutput, cannot: "write", path: file.path, reason: systemText(code), code: cff_averror(code))
    }
    let descriptor = open(file.temporaryPath, O_WRONLY | O_TRUNC | O_CLOEXEC)
    guard descriptor >= 0 else { throw fail(errno) }
    var offset = 0
    while offset < bytes.count {
        let written = bytes.withUnsafeBytes {
            Glibc.write(descriptor, $0.baseAddress! + offset, bytes.count - offset)
        }
        if written < 0, errno == EINTR { continue }
        guard written > 0 else {
            let code = errno
            close(descriptor)
            throw fail(code)
        }
        offset += written
    }
    guard close(descriptor) == 0 else { throw fail(errno) }
}

/// A single picture.
final class StillOutput: PictureOutput {
    var temporaryPaths: [String] { [file.temporaryPath] }
    private let path: String
    private let file: OutputFile
    private let encoder: StillEncoder
    private var hasPicture = false

    init(_ path: String, size: PictureSize, codec: String, options: WriterOptions) throws {
        self.path = path
        encoder = try StillEncoder(codec: codec, size: size)
        file = try OutputFile(path: path, overwrite: options.overwrite)
    }

    func write(_ image: RGBImage, at time: FrameTime) throws {
        guard !hasPicture else { throw Self.secondFrame(path) }
        try writeWhole(try encoder.encode(image), to: file)
        hasPicture = true
    }

    func write(_ packet: VideoPacket) throws {
        throw VitvideoError(.usage, cannot: "write", path: path, reason: "it is not written in segments")
    }

    static func secondFrame(_ path: String) -> VitvideoError {
        let dot = path.lastIndex(of: ".") ?? path.endIndex
        return VitvideoError(
            .usage, cannot: "write a second frame to", path: path, reason: "it holds one picture",
            nextStep: .advice("use a numbered name, \(path[..<dot])-%04d\(path[dot...]), or select one frame")
        )
    }

    func write(_ packets: [AudioPacket]) throws {}
    func finish(as name: String?) throws { try file.commit(as: name) }
    func abandon() { file.abandon() }
}
