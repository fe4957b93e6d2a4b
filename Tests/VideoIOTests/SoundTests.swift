import Foundation
import Pixels
import Testing
import VideoIO

/// Sound beside the picture: where there is none, where the clock restarts, and where it must not move.
@Suite struct SoundTests {
    // MARK: Slices without sound

    /// Six seconds of picture with sound in a part of them alone.
    private static func partlySilent(_ scratch: Scratch, soundFrom start: Double) throws -> String {
        try scratch.ffmpeg(
            "in.mp4",
            [
                "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25", "-itsoffset", "\(start)", "-f", "lavfi",
                "-i", "sine=frequency=440:sample_rate=48000:duration=2", "-t", "6", "-c:v", "libx264", "-bf",
                "2", "-c:a", "aac",
            ])
    }

    @Test(
        arguments: ["mp4", "mov", "mkv"], [(0.0, "120:130"), (0.0, "45:70"), (4.0, "0:50"), (4.0, "90:110")])
    func aSliceMayLieWhereThereIsNoSound(ending: String, slice: (sound: Double, frames: String)) throws {
        let scratch = try Scratch()
        let source = try Self.partlySilent(scratch, soundFrom: slice.sound)
        let output = scratch.file("out.\(ending)")
        let warnings = try copy(
            source, to: output, reading: ReaderOptions(frames: FrameSelection(slice: slice.frames)))
        #expect(warnings == [])
        let bounds = slice.frames.split(separator: ":").compactMap { Int($0) }
        #expect(try Probe.frameTimes(output).count == bounds[1] - bounds[0])
        // A packet sounds for 21 ms, and belongs to the slice in which it begins.
        let heard = min(Double(bounds[1]) / 25, slice.sound + 2) - max(Double(bounds[0]) / 25, slice.sound)
        let packets = try Probe.packets(output, stream: "a", "pts_time").count
        #expect(abs(Double(packets) - max(0, heard) * 48_000 / 1_024) <= 3, "\(packets) packets")
    }

    /// A recording that broke off holds less sound than picture, or none.
    @Test(arguments: ["frag_keyframe+empty_moov", "frag_every_frame+empty_moov", "frag_keyframe"])
    func aRecordingThatBrokeOffIsWritten(flags: String) throws {
        let scratch = try Scratch()
        let whole = try scratch.ffmpeg(
            "whole.mp4",
            [
                "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25", "-f", "lavfi", "-i",
                "sine=sample_rate=48000", "-t", "3", "-c:v", "libx264", "-g", "25", "-c:a", "aac",
                "-movflags",
                flags,
            ])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
        for percent in stride(from: 30, through: 90, by: 10) {
            let cut = try scratch.write(bytes.prefix(bytes.count * percent / 100), to: "cut.mp4")
            let expected = try Probe.frameTimes(cut).count
            for ending in ["mp4", "mkv"] {
                let output = scratch.file("out.\(ending)")
                let warnings = try copy(cut, to: output) { $0.overwrite = true }
                #expect(warnings.contains { $0.kind == .damage }, "\(percent) %")
                #expect(try Probe.frameTimes(output).count == expected, "\(percent) %")
            }
        }
    }

    // MARK: Joined files

    /// Each half of a file that was joined of two has a clock of its own. Sound and picture of the second half stay
    /// together, and follow the first.
    @Test(arguments: [
        ("ts", "libx264", "aac"), ("m2ts", "mpeg2video", "ac3"), ("vob", "mpeg2video", "mp2"),
        ("mpg", "mpeg1video", "mp2"), ("ts", "libx265", "mp3"),
    ]) func soundFollowsAClockThatRestarts(ending: String, video: String, audio: String) throws {
        let scratch = try Scratch()
        let part = try scratch.ffmpeg(
            "part.\(ending)",
            [
                "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25", "-f", "lavfi", "-i", Self.clicks, "-t",
                "2",
                "-c:v", video, "-g", "25", "-bf", "0", "-c:a", audio,
            ])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: part))
        let joined = try scratch.write(bytes + bytes + bytes, to: "joined.\(ending)")
        let one = try readAll(part)
        let three = try readAll(joined)
        #expect(three.frames.count == 3 * one.frames.count)
        #expect(
            three.has(.timestamps) && three.warnings.contains { $0.message.contains("restarted 2 times") })
        #expect(!three.has(.damage), "\(three.warnings)")
        #expect(zip(three.ticks, three.ticks.dropFirst()).allSatisfy { $0 < $1 })

        func seconds(_ packets: [AudioPacket]) -> [Double] {
            packets.map {
                Double($0.ptsTicks ?? 0) * Double($0.timeBase.numerator) / Double($0.timeBase.denominator)
            }
        }
        // No sound lies on other sound, and no gap is longer than the streams differ in length.
        let sound = seconds(three.packets)
        for (earlier, later) in zip(sound, sound.dropFirst()) {
            #expect(later - earlier > 0.01 && later - earlier < 0.2, "\(earlier) \(later)")
        }
        let offset = seconds(one.packets)[0] - one.frames[0].time.seconds
        for number in 1..<3 {
            let first = three.frames[number * one.frames.count].time.seconds
            let nearest = sound.map { abs($0 - first - offset) }.min()!
            #expect(nearest < 0.002, "part \(number): sound \(nearest) s beside its picture")
        }
        // The sound alone is on the same clock.
        let alone = try AudioReader(
            path: joined, options: ReaderOptions(), span: SelectionSpan(), timeBase: three.info.timeBase)
        var packets: [AudioPacket] = []
        while let packet = try alone.next() { packets.append(packet) }
        #expect(packets.map(\.ptsTicks) == three.packets.map(\.ptsTicks))
    }

    /// A wrong time or two is no new part: what follows keeps its time.
    @Test(arguments: [UInt8(0xe0), 0xc0]) func aStrayTimeIsNoRestart(stream: UInt8) throws {
        let scratch = try Scratch()
        let plain = try scratch.ffmpeg(
            "plain.ts",
            [
                "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25", "-f", "lavfi", "-i",
                "sine=sample_rate=48000", "-t", "2", "-c:v", "mpeg2video", "-bf", "0", "-c:a", "mp2",
            ])
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: plain)))
        // Half a second less in one packet's header, in ticks of 1/90,000 s.
        let header = try #require(
            bytes.indices.dropLast(20).filter { Array(bytes[$0..<$0 + 4]) == [0, 0, 1, stream] }.dropFirst(3)
                .first)
        let fields = bytes[header + 7] & 0x40 == 0 ? [9] : [9, 14]
        for field in fields.map({ header + $0 }) {
            let old = bytes[field..<field + 5].map(UInt64.init)
            let time =
                (old[0] >> 1 & 7) << 30 | old[1] << 22 | (old[2] >> 1) << 15 | old[3] << 7 | old[4] >> 1
            let new = time - 45_000
            bytes[field] = bytes[field] & 0xf1 | UInt8(new >> 30 & 7) << 1
            bytes[field + 1] = UInt8(new >> 22 & 0xff)
            bytes[field + 2] = UInt8(new >> 15 & 0x7f) << 1 | 1
            bytes[field + 3] = UInt8(new >> 7 & 0xff)
            bytes[field + 4] = UInt8(new & 0x7f) << 1 | 1
        }
        let (expected, result) = (try readAll(plain), try readAll(try scratch.write(bytes, to: "broken.ts")))
        #expect(result.ticks == expected.ticks)
        #expect(result.packets.map(\.ptsTicks) == expected.packets.map(\.ptsTicks))
        #expect(
            try Probe.packets(scratch.file("broken.ts"), stream: stream == 0xe0 ? "v" : "a", "pts_time")
                != (try Probe.packets(plain, stream: stream == 0xe0 ? "v" : "a", "pts_time")))
    }

    /// Few frames a second that are stored in another order than they are shown in.
    @Test(arguments: ["mkv", "mp4", "ts", "flv", "avi", "nut"], [1, 2, 5, 10])
    func slowVideoIsNoJoinedFile(ending: String, rate: Int) throws {
        let scratch = try Scratch()
        let codec = ending == "avi" ? "mpeg4" : "libx264"
        let source = try scratch.ffmpeg(
            "in.\(ending)",
            [
                "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=\(rate)", "-f", "lavfi", "-i", "sine",
                "-frames:v",
                "20", "-shortest", "-c:v", codec, "-bf", "2", "-g", "8", "-c:a", "aac",
            ])
        let result = try readAll(source)
        #expect(result.warnings == [])
        #expect(result.frames.count == 20)
        // AVI has no times of its own; ffprobe leaves that of its last frame open.
        let times = try Probe.frameTimes(source)
        #expect(times.count == (ending == "avi" ? 19 : 20))
        #expect(zip(result.frames, times).allSatisfy { abs($0.time.seconds - $1) < 1e-6 })
    }

    // MARK: Sound before zero

    private static let clicks = "aevalsrc='if(between(mod(t,1),0.5,0.51),0.9,0)':s=48000"

    /// When clicks are heard, in seconds: where a player that follows its sound card has them, the time of the first
    /// sound and the samples since.
    private static func heardClicks(_ path: String, in scratch: Scratch) throws -> [Double] {
        let start = try #require(
            try run(
                "ffprobe",
                [
                    "-v", "error", "-select_streams", "a:0", "-show_entries", "frame=pts_time", "-of",
                    "csv=p=0", path,
                ]
            ).split { $0.isNewline || $0 == "," }.first.flatMap { Double($0) })
        let raw = try scratch.ffmpeg(
            "heard.s16", ["-i", path, "-map", "a:0", "-ac", "1", "-ar", "48000", "-f", "s16le"])
        let samples = try Data(contentsOf: URL(fileURLWithPath: raw)).withUnsafeBytes {
            Array($0.bindMemory(to: Int16.self))
        }
        var times: [Double] = []
        var last = -48_000
        for (place, sample) in samples.enumerated() where abs(Int(sample)) > 8_000 {
            if place - last > 10_000 { times.append(start + Double(place) / 48_000) }
            last = place
        }
        return times
    }

    /// A codec's run-in, which MP4 hides before zero, does not move the sound in a container that begins at zero.
    @Test(arguments: [
        ("aac", "mkv"), ("libmp3lame", "mkv"), ("ac3", "mkv"), ("eac3", "mkv"), ("libopus", "mkv"),
        ("libopus", "webm"), ("libopus", "mp4"), ("aac", "mp4"), ("ac3", "mp4"), ("aac", "mov"),
    ]) func soundStaysWhereItWas(codec: String, ending: String) throws {
        let scratch = try Scratch()
        let source = try scratch.ffmpeg(
            "in.mp4",
            [
                "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25", "-f", "lavfi", "-i", Self.clicks, "-t",
                "3",
                "-c:v", "libx264", "-c:a", codec,
            ])
        let output = scratch.file("out.\(ending)")
        try copy(source, to: output)
        let (before, after) = (
            try Self.heardClicks(source, in: scratch), try Self.heardClicks(output, in: scratch)
        )
        #expect(before.count == 3 && after.count == 3)
        // Matroska counts milliseconds.
        #expect(zip(before, after).allSatisfy { abs($0 - $1) < 0.0015 }, "\(before) \(after)")
        #expect(try Probe.frameTimes(output).first == 0)
    }

    /// A file cut by key frame without encoding holds a second before its beginning, which an edit list hides.
    @Test(arguments: ["mkv", "mp4"]) func whatAnEditListHidesIsNotHeard(ending: String) throws {
        let scratch = try Scratch()
        let whole = try scratch.ffmpeg(
            "whole.mp4",
            [
                "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25", "-f", "lavfi", "-i", Self.clicks, "-t",
                "5",
                "-c:v", "libx264", "-g", "100", "-c:a", "aac",
            ])
        let cut = try scratch.ffmpeg("cut.mp4", ["-ss", "1.3", "-i", whole, "-c", "copy"])
        let output = scratch.file("out.\(ending)")
        #expect(try copy(cut, to: output) == [])
        let (before, after) = (
            try Self.heardClicks(cut, in: scratch), try Self.heardClicks(output, in: scratch)
        )
        #expect(before.count == after.count && before.count >= 3)
        #expect(zip(before, after).allSatisfy { abs($0 - $1) < 0.0015 }, "\(before) \(after)")
        let times = try Probe.packets(output, stream: "a", "pts_time").compactMap { Double($0) }
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 > 0.02 })
    }
}
