import Foundation
import Pixels
import Testing
import VideoIO

/// Times that are not the plain 0, 1/25, 2/25 …, and input that cannot be rewound.
@Suite struct TimingTests {
    /// A cut without re-encoding: the file holds frames before the cut, which an edit list hides.
    @Test func editListsAreFollowed() throws {
        let scratch = try Scratch()
        let source = try scratch.clip(
            "in.mp4", frames: 60, audio: ["-c:a", "aac"], ["-c:v", "libx264", "-bf", "2", "-g", "30"])
        let cut = try scratch.ffmpeg("cut.mp4", ["-ss", "0.5", "-i", source, "-c", "copy"])
        let times = try Probe.frameTimes(cut)
        let result = try readAll(cut)
        #expect(result.frames.count == times.count && times.count < 60)
        #expect(zip(result.frames, times).allSatisfy { abs($0.time.seconds - $1) < 1e-6 })
        #expect(!result.has(.damage), "\(result.warnings)")
        let tail = try readAll(cut, slice: "-5:")
        #expect(tail.frames.map(\.image) == result.frames.suffix(5).map(\.image))
        let output = scratch.file("out.mp4")
        try copy(cut, to: output)
        #expect(try Probe.frameTimes(output) == times)
    }

    /// A start far from zero is a time of day, not a pause before the picture.
    @Test func aStartFarFromZeroIsMovedThere() throws {
        let offset = 4_000.0
        let scratch = try Scratch()
        let plain = try scratch.clip(
            "plain.nut", frames: 25, audio: ["-c:a", "pcm_s16le"], ["-c:v", "ffv1"])
        let moved = try scratch.ffmpeg(
            "moved.nut",
            ["-itsoffset", "\(offset)", "-i", plain, "-c", "copy", "-copyts", "-avoid_negative_ts", "0"])
        let reader = try readAll(moved)
        try #require(abs(reader.frames[0].time.seconds - offset) < 0.001)
        let warnings = try copy(moved, to: scratch.file("out.mov"))
        #expect(warnings.contains { $0.kind == .timestamps })
        let times = try Probe.frameTimes(scratch.file("out.mov"))
        #expect(times.count == 25 && times[0] == 0)
        #expect(abs(times[24] - 0.96) < 1e-6)
        let audio = try Probe.packets(scratch.file("out.mov"), stream: "a", "pts_time").compactMap {
            Double($0)
        }
        #expect(abs(audio[0]) < 0.001)
    }

    /// Files begin at zero; what comes before it cannot be stored.
    @Test(arguments: ["mp4", "mkv"])
    func aStartBeforeZeroIsMovedThere(ending: String) throws {
        let scratch = try Scratch()
        let path = scratch.file("out.\(ending)")
        let writer = try OutputTests.writer(path)
        for frame in 0..<10 { try writer.write(OutputTests.picture(frame), at: OutputTests.time(frame - 4)) }
        try writer.finish()
        #expect(writer.warnings.contains { $0.kind == .timestamps })
        let times = try Probe.frameTimes(path)
        #expect(times.count == 10)
        for (number, time) in times.enumerated() { #expect(abs(time - Double(number) * 0.04) < 1e-6) }
    }

    /// Repeated and missing times in an otherwise sound file.
    @Test func repeatedTimesAreMended() throws {
        let scratch = try Scratch()
        let plain = try scratch.clip("plain.mkv", frames: 30, ["-c:v", "ffv1"])
        let broken = try scratch.ffmpeg(
            "broken.mkv",
            ["-i", plain, "-c", "copy", "-bsf:v", "setts=ts='if(between(N,10,12),400,PTS)'"])
        let result = try readAll(broken)
        #expect(result.frames.count == 30)
        let mended = result.has(.timestamps)
        #expect(mended)
        #expect(zip(result.ticks, result.ticks.dropFirst()).allSatisfy { $0 < $1 })
        #expect(
            result.ticks[9] == 360 && result.ticks[10...12] == [400, 401, 402] && result.ticks[13] == 520)
        // Such times cannot be trusted to count frames by, so ranges decode from the start, and are exact.
        let images = result.frames.map(\.image)
        #expect(try readAll(broken, slice: "-3:").frames.map(\.image) == Array(images.suffix(3)))
        try copy(broken, to: scratch.file("out.mkv"))
        #expect(try Probe.frameTimes(scratch.file("out.mkv")).count == 30)
    }

    @Test func ntscRatesAreExact() throws {
        let scratch = try Scratch()
        for (ending, codec) in [("mp4", "libx264"), ("avi", "mpeg4")] {
            let source = try scratch.clip(
                "in.\(ending)", rate: "30000/1001", frames: 40, ["-c:v", codec, "-bf", "0"])
            let output = scratch.file("out.mov")
            try copy(source, to: output, writing: { $0.overwrite = true })
            let back = try readAll(output)
            #expect(back.frames.count == 40)
            for (number, frame) in back.frames.enumerated() {
                let time = frame.time
                #expect(
                    time.ptsTicks * Int64(time.timeBase.numerator) * 30_000
                        == Int64(number) * 1001 * Int64(time.timeBase.denominator),
                    "\(ending) frame \(number)")
            }
        }
    }

    @Test func standardInputIsReadInOnePass() throws {
        let scratch = try Scratch()
        let source = try scratch.clip(
            "in.mkv", frames: 120, audio: ["-c:a", "aac"], ["-c:v", "libx264", "-bf", "2", "-g", "25"])
        let file = try readAll(source)
        func piped(_ options: ReaderOptions = ReaderOptions()) throws -> ReadResult {
            try withStandardInput(from: source) { try readAll("-", options) }
        }
        let stream = try piped()
        #expect(stream.frames.map(\.image) == file.frames.map(\.image))
        #expect(stream.ticks == file.ticks)
        #expect(stream.packets.map(\.bytes) == file.packets.map(\.bytes))
        #expect(stream.warnings == [])

        let range = ReaderOptions(frames: try FrameSelection(slice: "80:90"))
        let (part, expected) = (try piped(range), try readAll(source, range))
        #expect(part.indices == Array(80..<90))
        #expect(part.frames.map(\.image) == expected.frames.map(\.image))
        #expect(part.packets.map(\.bytes) == expected.packets.map(\.bytes))
        #expect(part.packets.map(\.ptsTicks) == expected.packets.map(\.ptsTicks))

        let error = failure { try piped(ReaderOptions(frames: FrameSelection(slice: "-10:"))) }
        #expect(error?.kind == .usage && error?.description.contains("standard input") == true)
    }

    /// Runs `body` with a pipe that a program fills from `path` in place of standard input.
    private func withStandardInput<T>(from path: String, _ body: () throws -> T) throws -> T {
        let cat = Process()
        cat.executableURL = URL(fileURLWithPath: "/bin/cat")
        cat.arguments = [path]
        let pipe = Pipe()
        cat.standardOutput = pipe
        cat.standardError = FileHandle.nullDevice
        let saved = dup(0)
        dup2(pipe.fileHandleForReading.fileDescriptor, 0)
        defer {
            dup2(saved, 0)
            close(saved)
            // The reader may have had enough before the end; cat then meets a closed pipe.
            try? pipe.fileHandleForReading.close()
            cat.waitUntilExit()
        }
        try cat.run()
        return try body()
    }
}
