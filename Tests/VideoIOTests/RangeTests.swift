import Foundation
import Pixels
import Testing
import VideoIO

/// Ranges give exactly the frames a whole run gives, pixel for pixel.
@Suite struct RangeTests {
    static let bFrames = ["-c:v", "libx264", "-bf", "3", "-g", "24", "-x264-params", "open-gop=0"]
    static let openGOP = ["-c:v", "libx264", "-bf", "3", "-g", "24", "-x264-params", "open-gop=1"]

    struct Clip: CustomTestStringConvertible {
        var name: String
        var encoding: [String]
        var filter = "null"
        var testDescription: String { "\(name) \(encoding.joined(separator: " ")) \(filter)" }
    }

    static let variable = "settb=1/90000,setpts='(N*40+80+mod(N,5)*7)/1000/TB'"
    static let passthrough = ["-vsync", "passthrough", "-enc_time_base", "1:90000"]

    static let clips = [
        Clip(name: "closed.mp4", encoding: bFrames),
        Clip(name: "open.mp4", encoding: openGOP),
        Clip(name: "open.mkv", encoding: openGOP),
        Clip(name: "open.ts", encoding: openGOP),
        Clip(name: "variable.mp4", encoding: bFrames + passthrough, filter: variable),
        Clip(name: "variable.mkv", encoding: openGOP + passthrough, filter: variable),
        Clip(name: "mpeg2.ts", encoding: ["-c:v", "mpeg2video", "-bf", "2", "-g", "15", "-q:v", "3"]),
        Clip(
            name: "hevc.mp4",
            encoding: [
                "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                "log-level=none:keyint=24:bframes=3",
            ]),
        Clip(
            name: "vp9.webm",
            encoding: ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30"]),
        Clip(name: "mpeg4.avi", encoding: ["-c:v", "mpeg4", "-bf", "2", "-g", "20", "-q:v", "3"]),
        Clip(
            name: "interlaced.mp4",
            encoding: ["-c:v", "libx264", "-flags", "+ildct+ilme", "-bf", "2", "-g", "20"],
            filter: "tinterlace=interleave_top,setfield=tff"),
    ]

    @Test(arguments: clips)
    func rangesEqualTheWholeRun(clip: Clip) throws {
        let scratch = try Scratch()
        let isInterlaced = clip.name.hasPrefix("interlaced")
        let source = try scratch.clip(
            clip.name, size: "96x64", frames: 150, filter: clip.filter, clip.encoding)
        let whole = try readAll(source)
        let count = whole.frames.count
        #expect(isInterlaced ? count >= 75 : count == 150)
        #expect(whole.indices == Array(0..<count))
        for (slice, expected) in [
            (":5", Array(0..<5)), ("70:73", Array(70..<73)), ("66:", Array(66..<count)),
            ("-3:", Array((count - 3)..<count)),
            ("65:100:9", Array(stride(from: 65, to: min(100, count), by: 9))),
        ] {
            let part = try readAll(source, slice: slice)
            #expect(part.indices == expected, "\(slice)")
            for frame in part.frames {
                #expect(frame.image == whole.frames[frame.index].image, "\(slice), frame \(frame.index)")
                #expect(frame.time.ptsTicks == whole.frames[frame.index].time.ptsTicks)
            }
            let first = part.frames[0].time.ptsTicks
            let origin = expected[0] == 0 ? 0 : first
            #expect(part.outputTicks == part.ticks.map { $0 - origin }, "\(slice)")
        }
    }

    /// Frames between the beginning and the range are not decoded: breaking them breaks nothing.
    @Test(arguments: ["mp4", "mkv", "ts"])
    func longSkipsSeek(ending: String) throws {
        let scratch = try Scratch()
        let source = try scratch.clip("in.\(ending)", size: "96x64", frames: 200, RangeTests.openGOP)
        let slice = try readAll(source, slice: "190:193")
        let span = try readAll(
            source, ReaderOptions(frames: FrameSelection(start: "7.6", duration: "120ms")))
        #expect(slice.indices == [190, 191, 192])
        #expect(span.indices == [190, 191, 192])

        // Zero the picture data of the frames from 60 to 140; MPEG-TS keeps its packet headers.
        var bytes = try Data(contentsOf: URL(fileURLWithPath: source))
        let packets = try Probe.packets(source, stream: "v", "pos,size").map {
            $0.split(separator: ",").compactMap { Int($0) }
        }
        if ending == "ts" {
            for position in stride(from: packets[60][1], to: packets[140][1], by: 188) {
                let isPayload = bytes[position + 1] & 0x5f == 1 && bytes[position + 3] & 0x20 == 0
                if isPayload { bytes.replaceSubrange(position + 4..<position + 188, with: Data(count: 184)) }
            }
        } else {
            for packet in packets[60..<140] where packet[0] > 100 {
                bytes.replaceSubrange(
                    packet[1] + 30..<packet[1] + packet[0] - 10, with: Data(count: packet[0] - 40))
            }
        }
        let broken = try scratch.write(bytes, to: "broken.\(ending)")
        let rest = try readAll(broken, slice: "190:193")
        #expect(rest.indices == slice.indices)
        #expect(rest.frames.map(\.image) == slice.frames.map(\.image))
        #expect(!rest.has(.damage), "\(rest.warnings)")
        #expect(try readAll(broken).has(.damage), "the damage must be there to be seen")
    }

    @Test func timesSelectWhatFFmpegSelects() throws {
        let scratch = try Scratch()
        let source = try scratch.clip(
            "in.mp4", frames: 100, filter: RangeTests.variable, RangeTests.bFrames + RangeTests.passthrough)
        let times = try Probe.frameTimes(source)
        for (start, end) in [(0.0, 1.0), (0.5, 0.9), (2.5, 3.1), (3.0, 99)] {
            // The file's beginning, from which positions count, is its first frame's time.
            let expected = times.indices.filter {
                times[$0] - times[0] >= start && times[$0] - times[0] < end
            }
            let part = try readAll(
                source, ReaderOptions(frames: FrameSelection(start: "\(start)", end: "\(end)")))
            #expect(part.indices == expected, "\(start) to \(end)")
            #expect(part.outputTicks[0] == (expected[0] == 0 ? part.ticks[0] : 0))
        }
    }

    @Test(arguments: ["mp4", "mkv", "ts"])
    func audioIsCutAndMovedWithTheFrames(ending: String) throws {
        let scratch = try Scratch()
        let source = try scratch.clip(
            "in.\(ending)", frames: 200, audio: ["-c:a", "aac"], RangeTests.bFrames)
        let all = try readAll(source)
        for slice in ["10:60", "120:", "100:150:7"] {
            let part = try readAll(source, slice: slice)
            let first = part.frames[0]
            let numbers = slice.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
            let start = first.time.seconds
            let end = numbers[1].map { all.frames[$0].time.seconds } ?? .infinity
            let expected = all.packets.filter {
                let time = Double($0.ptsTicks!) * $0.timeBase.value
                return time >= start - 1e-9 && time < end - 1e-9
            }
            #expect(!expected.isEmpty)
            #expect(part.packets.map(\.bytes) == expected.map(\.bytes), "\(slice)")
            for (packet, original) in zip(part.packets, expected) {
                let moved = Double(packet.ptsTicks!) * packet.timeBase.value
                let tick = packet.timeBase.value
                #expect(abs(moved - (Double(original.ptsTicks!) * tick - start)) <= tick)
            }
        }
    }

    @Test func emptyRangesSayHowManyFramesThereAre() throws {
        let scratch = try Scratch()
        let source = try scratch.clip("in.mp4", frames: 30, ["-c:v", "libx264"])
        for slice in ["30:", "100:200", "10:5", "5:5", "-3:-10", "5000:"] {
            let error = failure {
                try VideoReader.open(source, options: ReaderOptions(frames: FrameSelection(slice: slice)))
            }
            #expect(error?.kind == .badData, "\(slice)")
            #expect(error?.description.contains("30 frames") == true, "\(slice): \(error?.description ?? "")")
            #expect(error?.description.contains("\n") == false)
        }
        let late = failure {
            try VideoReader.open(source, options: ReaderOptions(frames: FrameSelection(start: "50")))
        }
        #expect(late?.description.contains("30 frames") == true, "\(late?.description ?? "")")
        #expect(try readAll(source, slice: "-500:2").indices == [0, 1])
        #expect(try readAll(source, slice: "28:500").indices == [28, 29])
    }

    @Test func selectionsAreParsedStrictly() throws {
        #expect(try FrameSelection(slice: ":") == .all)
        #expect(try FrameSelection(slice: "0::1") == .all)
        #expect(try FrameSelection(slice: "1:20:3").description == "frames 1:20:3")
        for text in ["", "5", "a:b", "1:2:0", "1:2:-1", "1:2:3:4", "1.5:2", "::x"] {
            #expect(failure { try FrameSelection(slice: text) }?.kind == .usage, "\(text)")
        }
        #expect(try MediaTime.parseMicroseconds("00:01:02.5") == 62_500_000)
        #expect(try MediaTime.parseMicroseconds("90") == 90_000_000)
        #expect(try MediaTime.parseMicroseconds("1500ms") == 1_500_000)
        #expect(try MediaTime.parseMicroseconds("200us") == 200)
        #expect(try MediaTime.parseMicroseconds("-2:03") == -123_000_000)
        for text in ["", "abc", "1:2:3:4", "12x", "1:99"] {
            #expect(failure { try MediaTime.parseMicroseconds(text) }?.kind == .usage, "\(text)")
        }
        #expect(failure { try FrameSelection(start: "5", end: "5") }?.kind == .usage)
        #expect(failure { try FrameSelection(start: "5", end: "9", duration: "1") }?.kind == .usage)
        #expect(failure { try FrameSelection(start: "-1") }?.kind == .usage)
    }
}
