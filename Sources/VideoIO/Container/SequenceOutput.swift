import Base
import Files
import Foundation
import Pixels

/// Numbered pictures, from 1 on, each complete as soon as it is there.
final class SequenceOutput: PictureOutput {
    /// Each picture has a temporary name of its own, and only for a moment.
    var temporaryPaths: [String] { [] }
    private let name: NumberedName
    private let encoder: StillEncoder
    private let options: WriterOptions
    private var count = 0

    init(_ path: String, size: PictureSize, codec: String, options: WriterOptions, log: WarningLog) throws {
        guard let name = NumberedName(pattern: path) else {
            throw VitvideoError(
                .usage, cannot: "write", path: path, reason: "the name has no place for a number")
        }
        self.name = name
        self.options = options
        encoder = try StillEncoder(codec: codec, size: size)
        // Checks the directory too, by making and removing a file there. A warning is given once.
        try AtomicFile(name.path(1), options, log).abandon()
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
        let file = try AtomicFile(name.path(count + 1), options, nil, cleansUp: false)
        try file.write(bytes)
        try file.commit(syncsDirectory: false)
        count += 1
    }

    func write(_ packets: [AudioPacket]) throws {}

    /// The pictures have their names; this puts those on the disk.
    func finish(as name: String?) throws {
        try AtomicFile.syncDirectory(of: self.name.path(1), wording: .negatedCode)
    }

    func abandon() {
        for number in 1..<(count + 1) { FileSystem.unlink(name.path(number)) }
        count = 0
    }
}
