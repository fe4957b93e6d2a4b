import Foundation
import Testing

/// `vitvideo bigbuckbunny.mp4 -o out.mp4`: what comes out beside what went in.
@Suite struct WholeClipTests {
    @Test func everyFrameKeepsItsTime() throws {
        let times = try MediaProbe(SharedRun.whole().video).frameTimes()
        #expect(times.count == 132)
        #expect(times == (try MediaProbe(Workspace.bunny).frameTimes()))
    }

    @Test func everyAudioPacketKeepsItsBytesAndTime() throws {
        let packets = try MediaProbe(SharedRun.whole().video).audioPackets()
        #expect(packets.count > 200)
        #expect(packets == (try MediaProbe(Workspace.bunny).audioPackets()))
    }

    @Test func theVideoIsTaggedAsWhatItIs() throws {
        let stream = try MediaProbe(SharedRun.whole().video).videoStream()
        #expect(stream == "h264,1920,600,yuv420p,tv,bt709,bt709,bt709")
    }

    @Test func theExportCoversEveryFrame() throws {
        let export = try AttentionExport(SharedRun.whole().archive)
        #expect(export.shape == [132, 6, 8, 14])
        #expect(export.frames == Array(0..<132))
        let times = try MediaProbe(Workspace.bunny).frameTimes().compactMap(Double.init)
        #expect(zip(export.times, times).allSatisfy { abs($0 - $1) < 1e-6 })
        // The class token's row without the special tokens: positive, and together at most 1.
        for frame in [0, 60, 131] {
            for head in 0..<6 {
                let map = export.map(frame: frame, head: head)
                #expect(map.allSatisfy { $0 > 0 })
                #expect((0.01...1).contains(map.reduce(0, +)))
            }
        }
    }

    /// At the resolution one gets without asking: 32 patches high.
    @Test func theDefaultResolutionIs32Patches() throws {
        let workspace = try Workspace()
        try workspace.succeed(
            Workspace.bunny, "-o", "out.mp4", "--export", "out.npz", "--frames", ":6")
        let export = try AttentionExport(workspace.file("out.npz"))
        #expect(export.shape == [6, 6, 32, 56])
        #expect(export.meta.input_height == 448)
        #expect(export.meta.input_width == 784)
        #expect(try MediaProbe(workspace.file("out.mp4")).size() == "1920x600")
    }

    @Test(arguments: [
        ("out.mov", "h264"), ("out.mkv", "h264"), ("out.webm", "vp9"), ("out.gif", "gif"), ("out.png", "png"),
    ])
    func theExtensionDecides(name: String, codec: String) throws {
        let workspace = try Workspace()
        let frames = name.hasSuffix("png") ? ":1" : ":3"
        try workspace.succeed(
            Workspace.bikes, "-o", name, "--frames", frames, "--resolution", "56", "--view", "overlay")
        let probe = MediaProbe(workspace.file(name))
        #expect(try probe.videoStream().hasPrefix("\(codec),640,272,"))
        #expect(try probe.frameTimes().count == (name.hasSuffix("png") ? 1 : 3))
        #expect(try workspace.contents == [name])
    }

    @Test func soundThatTheContainerCannotHoldIsDroppedWithAWarning() throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            [Workspace.bunny, "-o", "out.webm", "--frames", ":2", "--view", "overlay"] + SharedRun.resolution)
        #expect(outcome.status == 0)
        #expect(outcome.errorLines.count == 1)
        #expect(outcome.errors.hasPrefix("vitvideo: warning: out.webm: ") && outcome.errors.contains("audio"))
        #expect(try MediaProbe(workspace.file("out.webm")).audioPackets().isEmpty)
    }

    @Test func soundIsLeftOutOnRequest() throws {
        let workspace = try Workspace()
        try workspace.succeed(
            Workspace.bunny, "-o", "out.mp4", "--no-audio", "--frames", ":2", "--resolution", "56")
        #expect(try MediaProbe(workspace.file("out.mp4")).audioPackets().isEmpty)
    }

    @Test func twoWorkersWriteWhatOneWrites() throws {
        let workspace = try Workspace()
        for workers in ["1", "2", "5"] {
            try workspace.succeed(
                Workspace.bunny, "-o", "\(workers).mp4", "--export", "\(workers).npz", "--workers", workers,
                "--frames", ":20", "--resolution", "112")
        }
        for name in ["npz", "mp4"] {
            let one = try workspace.bytes(of: "1.\(name)")
            #expect(one == (try workspace.bytes(of: "2.\(name)")))
            #expect(one == (try workspace.bytes(of: "5.\(name)")))
        }
    }
}
