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
}
