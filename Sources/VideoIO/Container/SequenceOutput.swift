import Base
import Foundation
import Pixels

/// Numbered pictures, from 1 on, each complete as soon as it is there.
final class SequenceOutput: PictureOutput {
    /// Each picture has a temporary name of its own, and only for a moment.
    var temporaryPaths: [String] { [] }
    private let name: NumberedName
    private let encoder: StillEncoder
    private let overwrite: Bool
    private var count = 0

    init(_ path: String, size: PictureSize, codec: String, options: WriterOptions) throws {
        guard let name = NumberedName(pattern: path) else {
            throw VitvideoError(
                .usage, cannot: "write", path: path, reason: "the name has no place for a number")
        }
        self.name = name
        overwrite = options.overwrite
        encoder = try StillEncoder(codec: codec, size: size)
        // Checks the directory too, by making and removing a file there.
        let probe = try OutputFile(path: name.path(1), overwrite: options.overwrite)
        probe.abandon()
        if !options.overwrite, let taken = name.existingNumbers().first(where: { $0 >= 1 }) {
            throw VitvideoError(
                .cannotCreate, cannot: "create", path: path, reason: "\(name.path(taken)) exists already",
                nextStep: .overwrite)
        }
    }

    func write(_ image: RGBImage, at time: FrameTime) throws {
        try write(try encoder.encode(image))
    }

    func write(_ packet: VideoPacket) throws { try write(packet.bytes) }

    private func write(_ bytes: [UInt8]) throws {
        let file = try OutputFile(path: name.path(count + 1), overwrite: overwrite, cleansUp: false)
        do {
            try writeWhole(bytes, to: file)
            try file.commit()
        } catch {
            file.abandon()
            throw error
        }
        count += 1
    }

    func write(_ packets: [AudioPacket]) throws {}
    func finish(as name: String?) throws {}

    func abandon() {
        for number in 1..<(count + 1) { unlink(name.path(number)) }
        count = 0
    }
}
