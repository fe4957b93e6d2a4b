import Base
import Fixtures
import Foundation
import Pixels
import Testing
import VideoIO

/// Every kind of input, and every kind of trouble with it.
@Suite struct InputTests {
    struct Kind: CustomTestStringConvertible {
        var name: String
        var encoding: [String]
        var filter = "null"
        var count = 12
        var testDescription: String { "\(name) \(encoding.joined(separator: " "))" }
    }

    @Test(arguments: [
        Kind(name: "a.mp4", encoding: ["-c:v", "libx264"]),
        Kind(name: "a.mp4", encoding: ["-c:v", "libx265", "-x265-params", "log-level=none"]),
        Kind(
            name: "a.mkv", encoding: ["-c:v", "libx265", "-x265-params", "log-level=none"],
            filter: "format=yuv420p10le"),
        Kind(name: "a.webm", encoding: ["-c:v", "libvpx", "-deadline", "realtime"]),
        Kind(name: "a.webm", encoding: ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]),
        Kind(name: "a.mkv", encoding: ["-c:v", "libsvtav1", "-preset", "12"]),
        Kind(name: "a.avi", encoding: ["-c:v", "mpeg4", "-bf", "2"]),
        Kind(name: "a.mov", encoding: ["-c:v", "prores_ks"]),
        Kind(name: "a.mkv", encoding: ["-c:v", "ffv1"]),
        Kind(name: "a.mkv", encoding: ["-c:v", "ffv1"], filter: "format=gray"),
        Kind(name: "a.gif", encoding: []),
        Kind(name: "a.apng", encoding: ["-f", "apng"]),
        Kind(name: "a.ts", encoding: ["-c:v", "mpeg2video"]),
        Kind(name: "a.mkv", encoding: ["-c:v", "mjpeg"]),
        Kind(name: "a.flv", encoding: ["-c:v", "flv1"]),
        Kind(name: "a.h264", encoding: ["-c:v", "libx264"]),
        Kind(name: "a.mkv", encoding: ["-c:v", "rawvideo"], filter: "format=nv12"),
        Kind(name: "a.mkv", encoding: ["-c:v", "libx264"], filter: "format=yuv422p"),
        Kind(name: "a.mkv", encoding: ["-c:v", "libx264"], filter: "format=yuv444p10le"),
        Kind(name: "a.ogv", encoding: ["-c:v", "libtheora"]),
        Kind(name: "a.mxf", encoding: ["-c:v", "mpeg2video"]),
        Kind(name: "a.webp", encoding: ["-frames:v", "1"], count: 1),
        Kind(name: "a.bmp", encoding: ["-frames:v", "1"], count: 1),
        Kind(name: "a.tiff", encoding: ["-frames:v", "1"], count: 1),
    ])
    func everyFormatIsRead(kind: Kind) throws {
        let scratch = try Scratch()
        let source = try scratch.clip(kind.name, frames: 12, filter: kind.filter, kind.encoding)
        let result = try readAll(source)
        #expect(result.frames.count == kind.count)
        #expect((result.info.height, result.info.width) == (96, 128))
        #expect(zip(result.ticks, result.ticks.dropFirst()).allSatisfy { $0 < $1 })
        if kind.name != "a.h264" { #expect(result.warnings == []) }
        // It shows the pattern: the first frame is like that of the same pattern taken without a codec.
        let expected = try StillImage.read(
            scratch.ffmpeg("p.png", ["-f", "lavfi", "-i", "testsrc2=size=128x96", "-frames:v", "1"]))
        let isGrey = kind.filter == "format=gray"
        var difference = 0
        for (a, b) in zip(result.frames[0].image.bytes, expected.bytes) { difference += abs(Int(a) - Int(b)) }
        #expect(Double(difference) / Double(expected.bytes.count) < (isGrey ? 100 : 14))
    }

    @Test func stillsAndSequences() throws {
        let scratch = try Scratch()
        for number in 7..<12 {
            try StillImage.write(
                RGBImage(height: 20, width: 30, gray: UInt8(number * 10)),
                to: scratch.file("f\(String(format: "%03d", number)).png"))
        }
        let sequence = try readAll(
            scratch.file("f%03d.png"), ReaderOptions(sequenceFrameRate: Rational(10, 1)))
        #expect(sequence.frames.map { $0.image[3, 3].red } == [70, 80, 90, 100, 110])
        #expect(
            sequence.frames.map(\.time.ptsTicks) == [0, 1, 2, 3, 4] && sequence.info.timeBase.value == 0.1)
        #expect(!sequence.info.isStill && sequence.warnings == [])
        let tail = try readAll(scratch.file("f%03d.png"), slice: "-2:")
        #expect(tail.frames.map { $0.image[0, 0].red } == [100, 110])

        let still = try readAll(scratch.file("f007.png"))
        #expect(still.info.isStill && still.frames.count == 1 && still.info.expectedFrameCount == 1)

        try FileManager.default.removeItem(atPath: scratch.file("f010.png"))
        let gap = try readAll(scratch.file("f%03d.png"))
        #expect(gap.frames.count == 3 && gap.has(.damage))
        #expect(failure { try readAll(scratch.file("g%03d.png")) }?.kind == .noInput)
        // A file may be called like a pattern.
        try FileManager.default.copyItem(atPath: scratch.file("f008.png"), toPath: scratch.file("h%d.png"))
        #expect(try StillImage.read(scratch.file("h%d.png"))[0, 0].red == 80)
    }

    @Test func whatIsNoVideoIsSaidSo() throws {
        let scratch = try Scratch()
        let sound = try scratch.ffmpeg("sound.m4a", ["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac"])
        let cover = try scratch.ffmpeg(
            "cover.png", ["-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "1"])
        let covered = try scratch.ffmpeg(
            "covered.mp3",
            [
                "-i", sound, "-i", cover, "-map", "0:a", "-map", "1:v", "-c:v", "copy", "-disposition:v",
                "attached_pic",
            ])
        let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://\(cover)\n#EXT-X-ENDLIST\n"
        let noise = (0..<50_000).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
        let cases: [(String, VitvideoError.Kind)] = [
            (scratch.file("none.mp4"), .noInput), (scratch.path, .noInput),
            ("https://example.org/a.mp4", .noInput),
            (try scratch.write([], to: "empty.mp4"), .badData),
            (try scratch.write("hello, world\n".utf8, to: "text.txt"), .badData),
            (try scratch.write(String(repeating: "some words\n", count: 900).utf8, to: "text.mp4"), .badData),
            (try scratch.write(noise, to: "noise.mkv"), .badData), (sound, .badData), (covered, .badData),
            (try scratch.write(playlist.utf8, to: "list.m3u8"), .badData),
            (
                try scratch.write("ffconcat version 1.0\nfile \(cover)\n".utf8, to: "list.ffconcat"), .badData
            ),
        ]
        for (path, kind) in cases {
            let error = failure { try VideoReader.open(path) }
            #expect(error?.kind == kind, "\(path): \(error?.description ?? "no error")")
            #expect(error?.description.contains(path) == true)
            #expect(error?.description.contains("\n") == false)
        }
        #expect(failure { try VideoReader.open(sound) }?.description.contains("no video stream") == true)
        #expect(
            failure { try VideoReader.open(sound, options: ReaderOptions(videoStream: 3)) }?.kind == .badData)
    }

    @Test func streamsAreChosen() throws {
        let scratch = try Scratch()
        let source = try scratch.ffmpeg(
            "in.mkv",
            [
                "-f", "lavfi", "-i", "color=red:size=32x32:duration=0.2", "-f", "lavfi", "-i",
                "color=blue:size=64x64:duration=0.2", "-map", "0", "-map", "1", "-c:v", "ffv1",
            ])
        #expect(try VideoReader.open(source, options: ReaderOptions(videoStream: 0)).info.width == 32)
        #expect(try VideoReader.open(source, options: ReaderOptions(videoStream: 1)).info.width == 64)
        #expect(
            failure { try VideoReader.open(source, options: ReaderOptions(videoStream: 2)) }?.kind == .badData
        )
    }

    /// A file cut short gives the frames it has, a warning, and no error.
    @Test(arguments: ["mp4", "mkv", "avi", "ts"])
    func cutShort(ending: String) throws {
        let scratch = try Scratch()
        let codec = ending == "avi" ? ["-c:v", "mpeg4"] : ["-c:v", "libx264", "-g", "12"]
        let flags = ending == "mp4" ? ["-movflags", "+faststart"] : []
        let source = try scratch.clip("in.\(ending)", frames: 100, audio: ["-c:a", "aac"], codec + flags)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: source))
        func cut(to count: Int) throws -> String {
            try scratch.write(bytes.prefix(count), to: "cut.\(ending)")
        }
        var previous = 0
        for percent in [30, 60, 90] {
            let result = try readAll(cut(to: bytes.count * percent / 100))
            #expect(result.frames.count > previous && result.frames.count < 100)
            // A transport stream promises no length.
            if ending != "ts" { #expect(result.has(.damage), "\(percent) %: \(result.frames.count) frames") }
            previous = result.frames.count
        }
        #expect(try readAll(source).warnings.filter { $0.kind == .damage } == [])
        // However late the cut, it is noticed.
        if ending != "ts" { #expect(try readAll(cut(to: bytes.count - 30)).has(.damage)) }
        #expect(failure { try readAll(cut(to: 400)) }?.kind == .badData)
    }

    /// Pictures cut short: what was decoded, with a warning, or an error.
    @Test func cutPictures() throws {
        let scratch = try Scratch()
        for name in ["in.gif", "in.jpg", "in.png"] {
            let source = try scratch.clip(name, frames: name == "in.gif" ? 20 : 1, [])
            #expect(try readAll(source).warnings == [])
            let bytes = try Data(contentsOf: URL(fileURLWithPath: source))
            let cut = try scratch.write(bytes.prefix(bytes.count * 2 / 3), to: "cut.\(name.suffix(3))")
            do {
                let result = try readAll(cut)
                #expect(result.has(.damage), "\(name)")
            } catch let error as VitvideoError { #expect(error.kind == .badData) }
        }
    }

    /// Bits flipped all over: frames or an error, and damage never goes unnoticed where frames are missing.
    @Test(arguments: ["mp4", "mkv", "ts"])
    func flippedBits(ending: String) throws {
        let scratch = try Scratch()
        let source = try scratch.clip(
            "in.\(ending)", size: "64x64", frames: 40, ["-c:v", "libx264", "-g", "10"])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: source))
        var generator = SplitMix64(seed: 7)
        for _ in 0..<25 {
            var broken = bytes
            for _ in 0..<20 {
                broken[Int.random(in: 0..<broken.count, using: &generator)] ^= UInt8(
                    1 << Int.random(in: 0..<8, using: &generator))
            }
            let path = try scratch.write(broken, to: "broken.\(ending)")
            do {
                let result = try readAll(path)
                #expect(zip(result.ticks, result.ticks.dropFirst()).allSatisfy { $0 < $1 })
            } catch let error as VitvideoError {
                #expect(error.kind == .badData || error.kind == .unavailable, "\(error)")
            }
        }
    }

    @Test func timestampsThatAreMissingOrRunBackwardsAreMended() throws {
        let scratch = try Scratch()
        let raw = try scratch.clip("in.h264", frames: 20, ["-c:v", "libx264", "-bf", "2"])
        let result = try readAll(raw)
        #expect(result.frames.count == 20)
        #expect(zip(result.ticks, result.ticks.dropFirst()).allSatisfy { $0 < $1 })
        let output = scratch.file("out.mp4")
        try copy(raw, to: output)
        #expect(try Probe.frameTimes(output).count == 20)
    }

    @Test func fileDescriptorsAreGivenBack() throws {
        let scratch = try Scratch()
        let source = try scratch.clip("in.mp4", frames: 5, ["-c:v", "libx264"])
        for round in 0..<10 {
            let reader = try VideoReader.open(source)
            _ = try reader.nextFrame()
            #expect(try scratch.openFiles.count == 1)
            if round % 2 == 0 { reader.close() }
        }
        #expect(try scratch.openFiles.count == 0)
    }
}
