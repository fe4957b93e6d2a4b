import Base
import Fixtures
import Foundation
import Pixels
import Testing
import VideoIO

/// Runs a program and gives its standard output; an unexpected exit code is a test failure.
@discardableResult
func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    try #require(
        process.terminationStatus == 0, "\(program) \(arguments.joined(separator: " ")): \(complaint)")
    return text
}

/// A directory in which clips are made.
final class Scratch: TemporaryDirectory {
    /// Files of this directory that the process has open. Other tests run at the same time in directories of their own.
    var openFiles: [String] {
        get throws {
            let folder = "/proc/self/fd"
            return try FileManager.default.contentsOfDirectory(atPath: folder).compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
            }.filter { $0.hasPrefix(path) }
        }
    }

    /// Makes a file with the `ffmpeg` program.
    @discardableResult
    func ffmpeg(_ name: String, _ arguments: [String]) throws -> String {
        try run("ffmpeg", ["-v", "error", "-nostdin", "-y", "-bitexact"] + arguments + [file(name)])
        return file(name)
    }

    /// A clip of moving test pattern: each frame differs from every other.
    func clip(
        _ name: String, size: String = "128x96", rate: String = "25", frames: Int = 30,
        audio: [String]? = nil,
        filter: String = "null", _ encoding: [String]
    ) throws -> String {
        var arguments = ["-f", "lavfi", "-i", "testsrc2=size=\(size):rate=\(rate)"]
        if audio != nil {
            let parts = rate.split(separator: "/").compactMap { Double($0) }
            let seconds = Double(frames) / (parts[0] / (parts.count > 1 ? parts[1] : 1))
            arguments += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=\(seconds)"]
        }
        arguments += ["-vf", filter, "-frames:v", String(frames)] + encoding + (audio ?? [])
        return try ffmpeg(name, arguments)
    }
}

/// What ffprobe says of a file's packets or frames.
enum Probe {
    /// `key` of each packet of the stream, in the order of the file.
    static func packets(_ path: String, stream: String, _ key: String) throws -> [String] {
        try run(
            "ffprobe",
            [
                "-v", "error", "-select_streams", stream, "-show_entries", "packet=\(key)", "-of", "csv=p=0",
                path,
            ]
        ).split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: [",", " "]) }
    }

    /// Presentation times in seconds of the frames a decoder gives.
    static func frameTimes(_ path: String) throws -> [Double] {
        try run(
            "ffprobe",
            [
                "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time",
                "-of", "csv=p=0", path,
            ]
        ).split(whereSeparator: \.isNewline).compactMap {
            Double($0.trimmingCharacters(in: [",", " "]))
        }
    }

    /// An entry of a stream, such as `time_base`.
    static func stream(_ path: String, _ stream: String, _ key: String) throws -> String {
        try run(
            "ffprobe",
            [
                "-v", "error", "-select_streams", stream, "-show_entries", "stream=\(key)", "-of", "csv=p=0",
                path,
            ]
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The compressed data of a stream, one checksum a packet.
    static func packetHashes(_ path: String, stream: String) throws -> [String] {
        try run(
            "ffprobe",
            [
                "-v", "error", "-select_streams", stream, "-show_packets", "-show_data_hash", "md5",
                "-show_entries", "packet=data_hash", "-of", "csv=p=0", path,
            ]
        ).split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: [",", " "]) }
    }
}

/// Everything a reader gives.
struct ReadResult {
    var info: VideoInfo
    var frames: [VideoFrame]
    var packets: [AudioPacket]
    var warnings: [MediaWarning]

    var indices: [Int] { frames.map(\.index) }
    var ticks: [Int64] { frames.map(\.time.ptsTicks) }
    var outputTicks: [Int64] { frames.map(\.outputTime.ptsTicks) }
    func has(_ kind: MediaWarning.Kind) -> Bool { warnings.contains { $0.kind == kind } }
}

func readAll(_ path: String, _ options: ReaderOptions = ReaderOptions()) throws -> ReadResult {
    let reader = try VideoReader.open(path, options: options)
    defer { reader.close() }
    var result = ReadResult(info: reader.info, frames: [], packets: [], warnings: [])
    while let frame = try reader.nextFrame() {
        result.packets += reader.audio.take(upToFrame: frame.index)
        result.frames.append(frame)
    }
    try reader.readTrailingAudio()
    result.packets += reader.audio.takeAll()
    result.warnings = reader.warnings
    return result
}

func readAll(_ path: String, slice: String) throws -> ReadResult {
    try readAll(path, ReaderOptions(frames: FrameSelection(slice: slice)))
}

extension WriterOptions {
    /// Options with clock, rate and audio of a source.
    init(like info: VideoInfo) {
        self.init(frameRate: info.frameRate, timeBase: info.timeBase, audio: info.audioStreams)
    }
}

/// Reads `input` and writes every selected frame and packet to `output`, as the program does.
@discardableResult
func copy(
    _ input: String, to output: String, reading: ReaderOptions = ReaderOptions(),
    writing change: (inout WriterOptions) -> Void = { _ in }
) throws -> [MediaWarning] {
    let reader = try VideoReader.open(input, options: reading)
    var options = WriterOptions(like: reader.info)
    change(&options)
    let writer = try VideoWriter.create(
        output, height: reader.info.height, width: reader.info.width, options: options)
    while let frame = try reader.nextFrame() {
        try writer.write(reader.audio.take(upToFrame: frame.index))
        try writer.write(frame.image, at: frame.outputTime)
    }
    try reader.readTrailingAudio()
    try writer.write(reader.audio.takeAll())
    try writer.finish()
    return reader.warnings + writer.warnings
}

/// The error that `body` throws, as a `VitvideoError`.
func failure<T>(_ body: () throws -> T) -> VitvideoError? {
    do {
        _ = try body()
        return nil
    } catch { return error as? VitvideoError }
}
