import Base
import Files
import Fixtures
import Foundation
import Pixels
import Testing
import VideoIO

/// Every kind of output, how it appears, and what is refused.
@Suite struct OutputTests {
    static func picture(_ shade: Int, height: Int = 48, width: Int = 64) -> RGBImage {
        var image = RGBImage(height: height, width: width, gray: UInt8(shade))
        for row in 0..<height / 2 { image[row, row] = (255, 0, 0) }
        return image
    }

    static func time(_ frame: Int) -> FrameTime {
        FrameTime(ptsTicks: Int64(frame) * 512, durationTicks: 512, timeBase: Rational(1, 12_800))
    }

    static func writer(_ path: String, overwrite: Bool = false, codec: String? = nil) throws -> VideoWriter {
        try VideoWriter.create(
            path, height: 48, width: 64,
            options: WriterOptions(codec: codec, frameRate: Rational(25, 1), overwrite: overwrite))
    }

    @Test(arguments: ["mp4", "mov", "mkv", "webm", "gif", "png", "jpg"])
    func nothingStandsUnderTheNameUntilFinished(ending: String) throws {
        let scratch = try Scratch()
        let path = scratch.file("out.\(ending)")
        let writer = try OutputTests.writer(path)
        try writer.write(OutputTests.picture(100), at: OutputTests.time(0))
        #expect(try !scratch.contents.contains("out.\(ending)"))
        #expect(try scratch.contents.count == 1 && scratch.contents[0].hasPrefix("."))
        try writer.finish()
        #expect(try scratch.contents == ["out.\(ending)"])
        #expect(try readAll(path).frames.count == 1)
        #expect(failure { try writer.finish() }?.kind == .usage)
    }

    @Test(arguments: ["mp4", "mkv", "webm", "gif", "png", "o%d.png"])
    func abandonedOutputsLeaveNothing(ending: String) throws {
        let scratch = try Scratch()
        let path = scratch.file(ending.contains("%") ? ending : "out.\(ending)")
        do {
            let writer = try OutputTests.writer(path)
            try writer.write(OutputTests.picture(100), at: OutputTests.time(0))
            writer.abandon()
            #expect(try scratch.contents == [])
            #expect(
                failure { try writer.write(OutputTests.picture(1), at: OutputTests.time(1)) }?.kind == .usage)
        }
        do {
            // Let go of without an ending.
            _ = try OutputTests.writer(path)
        }
        #expect(try scratch.contents == [])
        let empty = try OutputTests.writer(path)
        if !ending.contains("%") { #expect(failure { try empty.finish() } != nil) }
        #expect(try scratch.contents == [])
    }

    @Test(arguments: ["mp4", "mov", "mkv", "webm", "gif"])
    func partialOutputsPlay(ending: String) throws {
        let scratch = try Scratch()
        let writer = try OutputTests.writer(scratch.file("out.\(ending)"))
        for frame in 0..<7 { try writer.write(OutputTests.picture(frame * 30), at: OutputTests.time(frame)) }
        #expect(try writer.finishPartial() == scratch.file("out.partial.\(ending)"))
        #expect(try scratch.contents == ["out.partial.\(ending)"])
        #expect(try readAll(scratch.file("out.partial.\(ending)")).frames.count == 7)
        let nothing = try OutputTests.writer(scratch.file("other.\(ending)"))
        #expect(try nothing.finishPartial() == nil)
        #expect(try scratch.contents == ["out.partial.\(ending)"])
    }

    @Test func existingFilesAreKept() throws {
        let scratch = try Scratch()
        let path = try scratch.write("mine".utf8, to: "out.mp4")
        #expect(throws: VitvideoError.existsAlready(path)) { try OutputTests.writer(path) }
        let writer = try OutputTests.writer(path, overwrite: true)
        try writer.write(OutputTests.picture(9), at: OutputTests.time(0))
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("mine".utf8))
        try writer.finish()
        #expect(try readAll(path).frames.count == 1)

        // Two runs to one output: the one that ends second finds the name taken.
        let (one, two) = (
            try OutputTests.writer(scratch.file("b.mp4")), try OutputTests.writer(scratch.file("b.mp4"))
        )
        try one.write(OutputTests.picture(9), at: OutputTests.time(0))
        try two.write(OutputTests.picture(9), at: OutputTests.time(0))
        try two.write(OutputTests.picture(9), at: OutputTests.time(1))
        try one.finish()
        let late = #expect(throws: VitvideoError.self) { try two.finish() }
        #expect(late?.kind == .cannotCreate && late?.nextStep == .overwrite)
        #expect(late?.reason == "a file of this name appeared meanwhile (File exists, -17)")
        #expect(try readAll(scratch.file("b.mp4")).frames.count == 1)
        #expect(try scratch.contents == ["b.mp4", "out.mp4"])

        // A sequence is refused when any of its numbers is there.
        try scratch.write([], to: "s0009.png")
        #expect(failure { try OutputTests.writer(scratch.file("s%04d.png")) }?.kind == .cannotCreate)
        // A link is followed, not replaced.
        try FileManager.default.createSymbolicLink(
            atPath: scratch.file("link.png"), withDestinationPath: scratch.file("s0009.png"))
        try StillImage.write(OutputTests.picture(3), to: scratch.file("link.png"), overwrite: true)
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: scratch.file("link.png"))
                == scratch.file("s0009.png"))
        #expect(try StillImage.read(scratch.file("s0009.png")) == OutputTests.picture(3))
    }

    @Test func placesThatTakeNoFileAreNamed() throws {
        let scratch = try Scratch()
        try FileManager.default.createDirectory(
            atPath: scratch.file("folder.mp4"), withIntermediateDirectories: false)
        try scratch.write([], to: "file")
        try run("mkfifo", [scratch.file("pipe.mp4")])
        for path in [
            scratch.file("none/out.mp4"), scratch.file("folder.mp4"), scratch.file("file/out.mp4"),
            scratch.file("pipe.mp4"),
            "/proc/out.mp4", "/proc/out%d.png",
        ] {
            let error = #expect(throws: VitvideoError.self) {
                try OutputTests.writer(path, overwrite: true)
            }
            #expect(error?.kind == .cannotCreate, "\(path): \(error?.description ?? "")")
            #expect(error?.description.contains("\n") == false)
        }
        for path in ["out", "out.xyz", "out.txt", ".mp4x"] {
            #expect(failure { try OutputTests.writer(scratch.file(path)) }?.kind == .usage, "\(path)")
        }
        #expect(failure { try OutputTests.writer(scratch.file("a.mp4"), codec: "nonsense") }?.kind == .usage)
        #expect(failure { try OutputTests.writer(scratch.file("a.webm"), codec: "h264") }?.kind == .usage)
        #expect(try scratch.contents == ["file", "folder.mp4", "pipe.mp4"])
    }

    /// What a killed run left is removed by the next; what a living one is writing is not.
    @Test func leftoversAreRemoved() throws {
        let scratch = try Scratch()
        let leftover = ".vitvideo-1-dead.tmp"
        try scratch.write("x".utf8, to: leftover)
        let first = try OutputTests.writer(scratch.file("a.mp4"))
        #expect(try !scratch.contents.contains(leftover))
        let second = try OutputTests.writer(scratch.file("b.mp4"))
        #expect(try scratch.contents.count == 2)
        for writer in [first, second] {
            try writer.write(OutputTests.picture(1), at: OutputTests.time(0))
            try writer.finish()
        }
        #expect(try scratch.contents == ["a.mp4", "b.mp4"])
    }

    @Test(arguments: [
        ("h264", "mp4"), ("hevc", "mp4"), ("vp9", "mp4"), ("av1", "mkv"), ("mpeg4", "mp4"), ("ffv1", "mkv"),
        ("prores", "mov"), ("mpeg2video", "mkv"), ("mjpeg", "mov"), ("libx264rgb", "mkv"), ("vp8", "webm"),
    ])
    func codecs(codec: String, ending: String) throws {
        let scratch = try Scratch()
        let path = scratch.file("out.\(ending)")
        let writer = try OutputTests.writer(path, codec: codec)
        // Uneven times on a 1/12800 clock, which MPEG-4's own cannot hold.
        let ticks: [Int64] = [0, 512, 900, 1536, 3000, 3001 + 512, 4800]
        let image = PictureTests.barImage(height: 48, width: 64)
        for tick in ticks {
            try writer.write(
                image, at: FrameTime(ptsTicks: tick, durationTicks: 512, timeBase: Rational(1, 12_800)))
        }
        try writer.finish()
        let back = try readAll(path)
        let seconds = back.frames.map(\.time.seconds)
        let precision = ending == "mp4" || ending == "mov" ? 1e-9 : 0.0006
        try #require(seconds.count == ticks.count)
        for (second, tick) in zip(seconds, ticks) { #expect(abs(second - Double(tick) / 12_800) < precision) }
        let error = PictureTests.largestError(back.frames[3].image)
        #expect(error <= (codec == "ffv1" ? 0 : 4), "off by \(error)")
    }

    @Test func pngHoldsOnePictureAndSequencesMany() throws {
        let scratch = try Scratch()
        let single = try OutputTests.writer(scratch.file("one.png"))
        try single.write(OutputTests.picture(10), at: OutputTests.time(0))
        let error = failure { try single.write(OutputTests.picture(20), at: OutputTests.time(1)) }
        #expect(error?.kind == .usage && error?.description.contains("one-%04d.png") == true)
        single.abandon()
        let many = try OutputTests.writer(scratch.file("out-%04d.png"))
        for frame in 0..<3 { try many.write(OutputTests.picture(frame), at: OutputTests.time(frame)) }
        #expect(try scratch.contents == ["out-0001.png", "out-0002.png", "out-0003.png"])
        try many.finish()
        for frame in 0..<3 {
            #expect(
                try StillImage.read(scratch.file("out-000\(frame + 1).png")) == OutputTests.picture(frame))
        }
        #expect(try StillImage.pngBytes(OutputTests.picture(4)).starts(with: [0x89, 0x50, 0x4e, 0x47]))
    }

    @Test func gifsKeepTimesAndColours() throws {
        let scratch = try Scratch()
        let path = scratch.file("out.gif")
        let writer = try OutputTests.writer(path)
        let ticks: [Int64] = [1000, 1512, 2024, 4584, 5096]
        let size = (height: 48, width: 64)
        for (number, tick) in ticks.enumerated() {
            var image = PictureTests.barImage(height: size.height, width: size.width)
            for row in 0..<10 { image[row, 5 * number] = (255, 128, 0) }
            try writer.write(
                image, at: FrameTime(ptsTicks: tick, durationTicks: 512, timeBase: Rational(1, 12_800)))
        }
        try writer.finish()
        let back = try readAll(path)
        #expect(back.frames.map { ($0.time.seconds * 100).rounded() } == [0, 4, 8, 28, 32])
        for (number, frame) in back.frames.enumerated() {
            #expect(PictureTests.largestError(frame.image) <= 8)
            #expect(abs(Int(frame.image[3, 5 * number].red) - 255) < 16)
            if number > 0 {
                #expect(
                    abs(
                        Int(frame.image[3, 5 * number - 5].green)
                            - Int(PictureTests.bars[(5 * number - 5) * 8 / 64].1)) < 16)
            }
        }
    }

    @Test func framesMustFitAndAdvance() throws {
        let scratch = try Scratch()
        let writer = try OutputTests.writer(scratch.file("out.mp4"))
        #expect(
            failure { try writer.write(RGBImage(height: 47, width: 64), at: OutputTests.time(0)) }?.kind
                == .usage)
        try writer.write(OutputTests.picture(1), at: OutputTests.time(1))
        #expect(failure { try writer.write(OutputTests.picture(1), at: OutputTests.time(1)) }?.kind == .usage)
        try writer.write(OutputTests.picture(1), at: OutputTests.time(2))
        try writer.finish()
    }

    @Test func audioThatDoesNotFitIsDropped() throws {
        let scratch = try Scratch()
        let source = try scratch.clip("in.mp4", frames: 25, audio: ["-c:a", "aac"], ["-c:v", "libx264"])
        for ending in ["webm", "gif", "o%02d.png"] {
            let output = scratch.file(ending.contains("%") ? ending : "out.\(ending)")
            let warnings = try copy(source, to: output)
            // Nobody expects sound of pictures.
            #expect(warnings.contains { $0.kind == .audio } == (ending == "webm"))
            #expect(try readAll(output).frames.count == 25)
            #expect(try readAll(output).info.audioStreams.isEmpty)
        }
        let raw = try scratch.clip("raw.mov", frames: 25, audio: ["-c:a", "pcm_s16le"], ["-c:v", "libx264"])
        let warnings = try copy(raw, to: scratch.file("pcm.mp4"))
        let pcm = try readAll(scratch.file("pcm.mp4"))
        #expect(pcm.frames.count == 25)
        #expect(warnings.contains { $0.kind == .audio } == pcm.info.audioStreams.isEmpty)
        let silent = try readAll(source, ReaderOptions(keepAudio: false))
        #expect(silent.packets.isEmpty && silent.info.audioStreams.isEmpty)
    }

    /// AAC changes its framing between transport streams and MP4; times and sound must not.
    @Test(arguments: [("ts", "mp4"), ("mp4", "mkv"), ("mkv", "mp4"), ("mp4", "mov")])
    func audioMovesBetweenContainers(from: String, to: String) throws {
        let scratch = try Scratch()
        let source = try scratch.clip(
            "in.\(from)", frames: 50, audio: ["-c:a", "aac", "-metadata:s:a:0", "language=eng"],
            ["-c:v", "libx264", "-bf", "2"])
        let output = scratch.file("out.\(to)")
        try copy(source, to: output)
        #expect(try Probe.frameTimes(output).count == 50)
        let precision = from == "mkv" || to == "mkv" ? 0.00101 : 0.00002
        for (a, b) in zip(try Probe.frameTimes(output), try Probe.frameTimes(source)) {
            #expect(abs(a - b) < precision)
        }
        let times = { (path: String) in
            try Probe.packets(path, stream: "a", "pts_time").compactMap { Double($0) }
        }
        // Matroska's clock starts at zero; the packet of AAC's run-in is before it.
        let (mine, theirs) = (try times(output), try times(source).filter { to != "mkv" || $0 >= 0 })
        #expect(mine.count == theirs.count)
        for (a, b) in zip(mine, theirs) where b >= 0 { #expect(abs(a - b) < precision) }
        func sound(_ path: String) throws -> String {
            try run("ffmpeg", ["-v", "error", "-i", path, "-map", "0:a", "-f", "md5", "-"])
        }
        if to != "mkv", from != "ts" { #expect(try sound(output) == sound(source)) }
        #expect(
            try run(
                "ffprobe",
                [
                    "-v", "error", "-select_streams", "a", "-show_entries", "stream_tags=language", "-of",
                    "csv=p=0", output,
                ]
            ).contains("eng"))
    }

    // MARK: What players make of it

    /// Browsers play a delay of less than 20 ms as 100 ms.
    @Test(arguments: [(60, 60), (50, 50), (25, 10), (120, 90), (240, 5), (1000, 300)])
    func gifDelaysArePlayedAsTheyAre(rate: Int, frames: Int) throws {
        let scratch = try Scratch()
        let source = try scratch.clip("in.mkv", rate: "\(rate)", frames: frames, ["-c:v", "ffv1"])
        let output = scratch.file("out.gif")
        let warnings = try copy(source, to: output)
        let delays = try run("identify", ["-format", "%T ", output]).split(separator: " ").compactMap {
            Int($0)
        }
        #expect(delays.allSatisfy { $0 >= 2 }, "\(delays)")
        let seconds = Double(frames) / Double(rate)
        #expect(abs(Double(delays.reduce(0, +)) / 100 - seconds) < 0.021, "\(delays)")
        #expect((delays.count < frames) == warnings.contains { $0.message.contains("left out") })
    }

    /// The last delay is that of the last frame, not the one before it.
    @Test func theLastDelayOfAGIFIsKept() throws {
        let scratch = try Scratch()
        let writer = try OutputTests.writer(scratch.file("out.gif"))
        for (start, length) in [(0, 10), (10, 20), (30, 70)] {
            try writer.write(
                OutputTests.picture(start),
                at: FrameTime(
                    ptsTicks: Int64(start), durationTicks: Int64(length), timeBase: Rational(1, 100)))
        }
        try writer.finish()
        let delays = try run("identify", ["-format", "%T ", scratch.file("out.gif")])
        #expect(delays.split(separator: " ") == ["10", "20", "70"])
    }

    /// Sound of every codec that FFmpeg copies into Matroska is copied, and plays as it did.
    @Test(arguments: ["pcm_mulaw", "pcm_alaw", "adpcm_ms", "adpcm_ima_wav", "wmav2", "gsm_ms", "flac", "ac3"])
    func matroskaTakesTheSound(codec: String) throws {
        let scratch = try Scratch()
        let source = try scratch.ffmpeg(
            "in.avi",
            [
                "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-f", "lavfi", "-i",
                "sine=sample_rate=8000", "-t", "1", "-ac", "1", "-ar",
                ["gsm_ms", "pcm_mulaw"].contains(codec) ? "8000" : "44100", "-c:v", "mpeg4", "-c:a", codec,
            ])
        #expect(try copy(source, to: scratch.file("out.mkv")) == [])
        func sound(_ path: String) throws -> String {
            try run("ffmpeg", ["-v", "error", "-i", path, "-map", "0:a", "-f", "md5", "-"])
        }
        #expect(try sound(scratch.file("out.mkv")) == sound(source))
    }

    /// One stream that a container does not take does not cost the others.
    @Test func onlyTheSoundThatDoesNotFitIsDropped() throws {
        let scratch = try Scratch()
        let source = try scratch.ffmpeg(
            "in.mkv",
            [
                "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-f", "lavfi", "-i", "sine", "-map", "0",
                "-map", "1", "-map", "1", "-map", "1", "-t", "1", "-c:v", "ffv1", "-c:a:0", "flac", "-c:a:1",
                "aac", "-c:a:2", "pcm_mulaw",
            ])
        let warnings = try copy(source, to: scratch.file("out.mp4")).map(\.message)
        #expect(warnings.count == 2 && warnings.allSatisfy { $0.contains("out.mkv to keep it") })
        #expect(warnings.allSatisfy { !$0.contains("-strict") })
        #expect(try readAll(scratch.file("out.mp4")).info.audioStreams.map(\.codecName) == ["aac"])
    }

    @Test(arguments: ["mp4", "mov", "mkv", "webm"]) func titleAndChaptersAreKept(ending: String) throws {
        let scratch = try Scratch()
        let description = """
            ;FFMETADATA1
            title=A title
            creation_time=2024-05-06T07:08:09.000000Z
            [CHAPTER]
            TIMEBASE=1/1000
            START=0
            END=1000
            title=One
            [CHAPTER]
            TIMEBASE=1/1000
            START=1000
            END=2500
            title=Two
            [CHAPTER]
            TIMEBASE=1/1000
            START=2500
            END=4000
            title=Three
            """
        try scratch.write(Array(description.utf8), to: "description")
        try scratch.write(Array("1\n00:00:00,000 --> 00:00:01,000\nhello\n".utf8), to: "text.srt")
        let source = try scratch.ffmpeg(
            "in.mkv",
            [
                "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-f", "lavfi", "-i", "sine", "-i",
                scratch.file("description"), "-i", scratch.file("text.srt"), "-map", "0", "-map", "1", "-map",
                "3", "-map_metadata", "2", "-map_chapters", "2", "-t", "4", "-c:v", "ffv1", "-c:a", "libopus",
                "-metadata:s:a:0", "language=fre",
            ])
        func described(_ path: String, _ entries: String) throws -> [String] {
            try run(
                "ffprobe",
                ["-v", "error", "-show_chapters", "-show_entries", entries, "-of", "csv=p=0", path]
            )
            .split(whereSeparator: \.isNewline).map(String.init)
        }
        let output = scratch.file("out.\(ending)")
        let reader = try VideoReader.open(
            source, options: ReaderOptions(frames: FrameSelection(slice: "30:80")))
        let options = WriterOptions(
            frameRate: reader.info.frameRate, timeBase: reader.info.timeBase, audio: reader.info.audioStreams,
            metadata: reader.metadata, leftOut: reader.info.otherContent)
        let writer = try VideoWriter.create(output, height: 48, width: 64, options: options)
        while let frame = try reader.nextFrame() {
            try writer.write(reader.audio.take(upToFrame: frame.index))
            try writer.write(frame.image, at: frame.outputTime)
        }
        try writer.finish()
        #expect(writer.warnings.contains { $0.message.hasSuffix("the input's subtitles are left out") })
        // Opus begins 7 ms before zero, so that FFmpeg wrote the source 7 ms later.
        let chapters = try described(output, "chapter=start_time,end_time:chapter_tags=title")
        #expect(chapters == ["0.000000,1.293000,Two", "1.293000,2.000000,Three"])
        let tags = try described(output, "format_tags=title,creation_time").joined()
        #expect(tags.contains("A title") && tags.contains("2024-05-06T07:08:09"))
        if ending != "mov" {
            #expect(try described(output, "stream_tags=language").contains { $0.hasSuffix("fre") })
        }
    }

    /// Two frames that are an hour apart: FFmpeg reads no larger distance of presentation and decoding time than 2^28
    /// ticks. MP4 holds no gap of a day.
    @Test(arguments: ["mp4", "mov"]) func longGapsAreWrittenOrRefused(ending: String) throws {
        let scratch = try Scratch()
        func write(gap seconds: Int64, to path: String) throws -> [Int64] {
            let writer = try VideoWriter.create(
                path, height: 48, width: 64, options: WriterOptions(timeBase: Rational(1, 90_000)))
            let times = (0..<40).map { Int64($0) * 3_600 + ($0 < 20 ? 0 : seconds * 90_000) }
            for (number, time) in times.enumerated() {
                try writer.write(
                    OutputTests.picture(number),
                    at: FrameTime(ptsTicks: time, durationTicks: 3_600, timeBase: Rational(1, 90_000)))
            }
            try writer.finish()
            return times
        }
        for hours in [1, 6] {
            let path = scratch.file("\(hours).\(ending)")
            let times = try write(gap: Int64(hours) * 3_600, to: path)
            let ticks = try readAll(path).ticks
            #expect(ticks == times, "\(ticks)")
        }
        let error = failure { try write(gap: 86_400, to: scratch.file("day.\(ending)")) }
        #expect(
            error?.kind == .usage && error?.description.contains("24 hours") == true,
            "\(String(describing: error))")
        #expect(try scratch.contents.contains("day.\(ending)") == false)
    }
}
