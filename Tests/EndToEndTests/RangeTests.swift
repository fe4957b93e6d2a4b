import Testing

/// Parts of the clip against the whole of it.
@Suite struct RangeTests {
    /// Range and what it selects of 132 frames, 25 a second.
    static let ranges: [(arguments: [String], frames: [Int])] = [
        (["--frames", "50:60"], Array(50..<60)),
        (["--frames", "::10"], Array(stride(from: 0, to: 132, by: 10))),
        (["--frames", "-5:"], Array(127..<132)),
        (["--frames", "-12:-2:3"], [120, 123, 126, 129]),
        (["--frames", "120:500"], Array(120..<132)),
        (["-ss", "2", "-to", "2.4"], Array(50..<60)),
        (["-ss", "0:04", "-t", "200ms"], Array(100..<105)),
        (["-t", "0.2"], Array(0..<5)),
        (["-ss", "5.2"], [130, 131]),
    ]

    @Test(arguments: ranges) func arraysAreThoseOfTheWholeRun(arguments: [String], frames: [Int]) throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            [Workspace.bunny, "--export", "part.npz"] + arguments + SharedRun.resolution)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let whole = try AttentionExport(SharedRun.whole().archive)
        let part = try AttentionExport(workspace.file("part.npz"))
        #expect(part.frames == frames)
        #expect(part.times == frames.map { whole.times[$0] })
        #expect(part.meta == whole.meta)
        for (position, frame) in part.frames.enumerated() {
            for head in 0..<6 {
                #expect(
                    bits(part.map(frame: position, head: head)) == bits(whole.map(frame: frame, head: head)))
            }
        }
    }

    /// The video of a range begins at zero, with the sound of that range.
    @Test func aPartIsAClipOfItsOwn() throws {
        let workspace = try Workspace()
        try workspace.succeed(
            Workspace.bunny, "-o", "part.mp4", "--frames", "50:75", "--resolution", "56")
        let probe = MediaProbe(workspace.file("part.mp4"))
        let times = try probe.frameTimes().compactMap(Double.init)
        #expect(times.count == 25)
        #expect(zip(times, 0..<25).allSatisfy { abs($0 - Double($1) * 0.04) < 1e-6 })
        // Packets are 1024 samples of 22050 Hz or the like: every one is the source's, and they cover a second.
        let hash = { (line: String) in line.split(separator: ",").last.map(String.init) ?? "" }
        let source = try MediaProbe(Workspace.bunny).audioPackets().map(hash)
        let packets = try probe.audioPackets()
        let first = try #require(source.firstIndex(of: packets.first.map(hash) ?? ""))
        #expect(packets.map(hash) == Array(source[first..<first + packets.count]))
        let starts = packets.compactMap { $0.split(separator: ",").first.flatMap { Double($0) } }
        #expect(abs((starts.first ?? 9)) < 0.05)
        #expect((0.9...1.0).contains(starts.last ?? 0))
    }

    /// For the decoding times of one and two frames x265 reads memory that it has not written. Here it finds there what
    /// glibc is told to leave, by which they would come long after the presentation times.
    @Test(arguments: [1, 2, 3]) func fewFramesOfHEVC(count: Int) throws {
        let workspace = try Workspace()
        try workspace.succeed(
            Workspace.bunny, "-o", "few.mp4", "--codec", "hevc", "--frames", "0:\(count)", "--resolution",
            "28", environment: ["MALLOC_PERTURB_": "77"])
        let probe = MediaProbe(workspace.file("few.mp4"))
        let times = ["-0.080000", "-0.040000", "0.000000", "0.040000", "0.080000"]
        #expect(try probe.frameTimes() == Array(times[2..<2 + count]))
        let decoded = try probe.lines("packet=dts_time", stream: "v:0")
        #expect(decoded == Array(count < 3 ? times[2..<2 + count] : times[..<3]))
    }

    /// Ranges without a frame say how many frames there are; nothing is left under the output's name.
    @Test(arguments: [
        ["--frames", "132:"], ["--frames", "60:60"], ["--frames", "90:80"], ["--frames", "-5:-10"],
        ["-ss", "6"],
    ])
    func anEmptyRangeSaysHowManyFramesThereAre(arguments: [String]) throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            [Workspace.bunny, "-o", "out.mp4", "--export", "out.npz"] + arguments)
        #expect(outcome.status == 65)
        #expect(outcome.errorLines.count == 1)
        #expect(outcome.errors.contains("132 frames") && outcome.errors.contains(Workspace.bunny))
        #expect(try workspace.contents == [])
    }
}
