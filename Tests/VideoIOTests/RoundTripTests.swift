import Foundation
import Pixels
import Testing
import VideoIO

/// A whole video in and out again: count, times, audio.
@Suite struct RoundTripTests {
    @Test(arguments: ["mp4", "mov", "mkv"])
    func everyTimestampAndPacketSurvives(ending: String) throws {
        let scratch = try Scratch()
        let source = try scratch.clip(
            "in.\(ending)", frames: 40, audio: ["-c:a", "aac"], ["-c:v", "libx264", "-bf", "3", "-g", "12"])
        let output = scratch.file("out.\(ending)")
        let warnings = try copy(source, to: output)
        #expect(warnings == [])
        #expect(try Probe.frameTimes(output) == Probe.frameTimes(source))
        #expect(try Probe.frameTimes(output).count == 40)
        let key = "pts_time"
        #expect(
            try Probe.packets(output, stream: "v", key).sorted()
                == Probe.packets(source, stream: "v", key).sorted())
        #expect(try Probe.packets(output, stream: "a", key) == Probe.packets(source, stream: "a", key))
        #expect(try Probe.packetHashes(output, stream: "a") == Probe.packetHashes(source, stream: "a"))
        #expect(try Probe.stream(output, "v", "time_base") == Probe.stream(source, "v", "time_base"))
    }

    @Test func webm() throws {
        let scratch = try Scratch()
        let source = try scratch.clip(
            "in.webm", frames: 25, audio: ["-c:a", "libopus"],
            ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"])
        let output = scratch.file("out.webm")
        #expect(try copy(source, to: output) == [])
        #expect(try Probe.frameTimes(output) == Probe.frameTimes(source))
        #expect(try Probe.packetHashes(output, stream: "a") == Probe.packetHashes(source, stream: "a"))
        #expect(try Probe.stream(output, "v", "codec_name") == "vp9")
    }

    /// A clip whose frames are 40, 80, 120 ms … apart, cyclically, starting at 80 ms, on a 90 kHz clock.
    @Test(arguments: ["mp4", "mov"])
    func variableRateAndLateStartAreKept(ending: String) throws {
        let scratch = try Scratch()
        let source = try scratch.clip(
            "in.\(ending)", frames: 30, audio: ["-c:a", "aac"],
            filter: "settb=1/90000,setpts='(N*40+80+mod(N,5)*7)/1000/TB'",
            [
                "-c:v", "libx264", "-bf", "2", "-vsync", "passthrough", "-enc_time_base", "1:90000",
                "-video_track_timescale", "90000",
            ])
        let output = scratch.file("out.\(ending)")
        try copy(source, to: output)
        let times = try Probe.frameTimes(source)
        #expect(times.count == 30 && times[0] == 0.08)
        #expect(abs((times[6] - times[5]) - 0.047) < 1e-5)
        #expect(try Probe.frameTimes(output) == times)
        #expect(
            try Probe.packets(output, stream: "a", "pts_time")
                == Probe.packets(source, stream: "a", "pts_time"))
        let duration = { try Double(Probe.stream($0, "v", "duration"))! }
        #expect(try abs(duration(output) - duration(source)) < 0.045)
    }
}
