import CFFmpeg
import Files
import Foundation
import Pixels

/// Encodes pictures one by one to complete PNG or JPEG files in memory.
final class StillEncoder {
    private let encoder: VideoEncoder
    private let codec: String
    private var counter: Int64 = 0

    /// - Parameter codec: `png` or `mjpeg`.
    init(codec: String, size: PictureSize) throws {
        self.codec = codec
        encoder = try VideoEncoder(
            EncoderChoice(named: codec, size: size), height: size.height, width: size.width,
            timeBase: Rational(1, 25),
            frameRate: Rational(25, 1), crf: 6, preset: "veryfast", threads: 1, needsGlobalHeader: false)
    }

    /// The file's bytes. With one thread, both encoders answer each picture at once.
    func encode(_ image: RGBImage) throws -> [UInt8] {
        var bytes: [UInt8] = []
        let time = FrameTime(ptsTicks: counter, durationTicks: 1, timeBase: Rational(1, 25))
        counter += 1
        try encoder.encode(image, at: time) { output in
            bytes += UnsafeBufferPointer(
                start: output.packet.pointee.data, count: Int(output.packet.pointee.size))
        }
        guard !bytes.isEmpty else {
            throw VideoIOError(.unavailable, "encode a picture", reason: "the \(codec) encoder gave nothing")
        }
        return bytes
    }
}

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

    func write(_ packet: EncodedPacket) throws {
        throw VideoIOError(.usage, "write", path: path, reason: "it is not written in segments")
    }

    static func secondFrame(_ path: String) -> VideoIOError {
        let dot = path.lastIndex(of: ".") ?? path.endIndex
        return VideoIOError(
            .usage, "write a second frame to", path: path, reason: "it holds one picture",
            nextStep: "use a numbered name, \(path[..<dot])-%04d\(path[dot...]), or select one frame")
    }

    func write(_ packets: [CompressedPacket]) throws {}
    func finish(as name: String?) throws { try file.commit(as: name) }
    func abandon() { file.abandon() }
}

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
            throw VideoIOError(.usage, "write", path: path, reason: "the name has no place for a number")
        }
        self.name = name
        self.options = options
        encoder = try StillEncoder(codec: codec, size: size)
        // Checks the directory too, by making and removing a file there. A warning is given once.
        try AtomicFile(name.path(1), options, log).abandon()
        if !options.overwrite, let taken = name.existingNumbers().first(where: { $0 >= 1 }) {
            throw VideoIOError(
                .cantCreate, "create", path: path, reason: "\(name.path(taken)) exists already",
                nextStep: "use --overwrite to replace it")
        }
    }

    func write(_ image: RGBImage, at time: FrameTime) throws {
        try write(try encoder.encode(image))
    }

    func write(_ packet: EncodedPacket) throws { try write(packet.bytes) }

    private func write(_ bytes: [UInt8]) throws {
        let file = try AtomicFile(name.path(count + 1), options, nil, cleansUp: false)
        try file.write(bytes)
        try file.commit(syncsDirectory: false)
        count += 1
    }

    func write(_ packets: [CompressedPacket]) throws {}

    /// The pictures have their names; this puts those on the disk.
    func finish(as name: String?) throws {
        try AtomicFile.syncDirectory(of: self.name.path(1), wording: .negatedCode)
    }

    func abandon() {
        for number in 1..<(count + 1) { unlink(name.path(number)) }
        count = 0
    }
}
