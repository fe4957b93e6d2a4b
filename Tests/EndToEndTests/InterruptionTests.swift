import Foundation
import Testing

/// Signals, pipes that close, and what is left of a run that did not end by itself.
@Suite struct InterruptionTests {
    /// The first interrupt finishes what is under way: playable, and under a name that says it is not all.
    @Test(arguments: [SIGINT, SIGTERM]) func aFirstSignalKeepsWhatIsDone(signal: Int32) throws {
        let workspace = try Workspace()
        try workspace.write("before".utf8, to: "out.mp4")
        // What an earlier interrupted run left is replaced.
        try workspace.write("earlier".utf8, to: "out.partial.mp4")
        try workspace.write("earlier".utf8, to: "out.partial.npz")
        let program = try workspace.start(
            Workspace.bunny, "-y", "-o", "out.mp4", "--export", "out.npz", "--progress", "json",
            "--resolution",
            "112")
        _ = try #require(try program.nextErrorLine())
        program.send(signal)
        let outcome = try program.wait()
        #expect(outcome.status == 130)
        let message = try #require(outcome.errorLines.last)
        #expect(message.hasPrefix("vitvideo: interrupted; "))

        #expect(try workspace.contents == ["out.mp4", "out.partial.mp4", "out.partial.npz"])
        #expect(try workspace.bytes(of: "out.mp4") == Data("before".utf8), "the old output is untouched")
        let frames = try AttentionExport(workspace.file("out.partial.npz")).frames
        #expect((1..<132).contains(frames.count))
        #expect(frames == Array(0..<frames.count))
        let probe = MediaProbe(workspace.file("out.partial.mp4"))
        let whole = try MediaProbe(Workspace.bunny).frameTimes()
        #expect(try probe.frameTimes() == Array(whole.prefix(frames.count)))
        #expect(message.contains("\(frames.count) frames"))
        #expect(message.contains("out.partial.mp4") && message.contains("out.partial.npz"))
    }

    /// The second interrupt, while the first is still being served, ends the run at once.
    @Test(arguments: ["npz", "zarr"]) func aSecondInterruptLeavesNothing(_ format: String) throws {
        let workspace = try Workspace()
        // Frames this large are under way long enough, however late the test hears of it.
        let program = try workspace.start(
            Workspace.bunny, "-o", "out.mp4", "--export", "out.\(format)", "--progress", "json",
            "--resolution", "448")
        _ = try #require(try program.nextErrorLine())
        program.send(SIGINT)
        while let line = try program.nextErrorLine(), !line.contains("interrupt again") {}
        program.send(SIGINT)
        let outcome = try program.wait()
        #expect(outcome.status == 130)
        #expect(!outcome.errors.contains("vitvideo: interrupted; "))
        #expect(try workspace.contents == [])
    }

    /// `nohup` ignores SIGHUP, and a script's background jobs ignore SIGINT and SIGQUIT.
    @Test(arguments: [("HUP", SIGHUP), ("INT", SIGINT), ("QUIT", SIGQUIT), ("TERM", SIGTERM)])
    func ignoredSignalsStayIgnored(name: String, signal: Int32) throws {
        let workspace = try Workspace()
        // `env` becomes the shell, and that the program.
        let program = try Program(
            "/bin/sh",
            [
                "-c", "trap '' \(name); exec \"$0\" \"$@\"", Workspace.binary, Workspace.bikes, "-o",
                "out.mp4",
                "--progress", "json", "--frames", ":12", "--resolution", "112",
            ], environment: Workspace.cleared, directory: workspace.path)
        _ = try #require(try program.nextErrorLine())
        program.send(signal)
        program.send(signal)
        let outcome = try program.wait()
        #expect(outcome.status == 0 && !outcome.errors.contains("interrupt"), "\(outcome.errors)")
        #expect(try MediaProbe(workspace.file("out.mp4")).frameTimes().count == 12)
    }

    /// While the program still waits for its input, a signal does what it does by itself.
    @Test(arguments: [SIGINT, SIGTERM]) func aSignalBeforeThereIsAnythingEndsTheRun(signal: Int32) throws {
        let workspace = try Workspace()
        try #require(mkfifo(workspace.file("in.mkv"), 0o600) == 0)
        let program = try workspace.start("in.mkv", "-o", "out.mp4")
        // Opens once the program reads.
        var input: Int32 = -1
        for _ in 0..<6_000 where input < 0 {
            input = open(workspace.file("in.mkv"), O_WRONLY | O_NONBLOCK)
            if input < 0 { usleep(10_000) }
        }
        try #require(input >= 0)
        defer { close(input) }
        program.send(signal)
        #expect(try program.wait().status == 128 + signal)
        #expect(try workspace.contents == ["in.mkv"])
    }

    /// A killed run leaves a hidden file, which the next one removes.
    @Test func whatAKilledRunLeftIsRemovedByTheNext() throws {
        let workspace = try Workspace()
        let program = try workspace.start(
            Workspace.bunny, "-o", "out.mp4", "--export", "out.npz", "--progress", "json", "--resolution",
            "56")
        _ = try #require(try program.nextErrorLine())
        program.send(SIGKILL)
        #expect(try program.wait().status == 128 + SIGKILL)
        #expect(try workspace.contents.count == 1)
        try workspace.succeed(Workspace.bikes, "-o", "next.mp4", "--frames", ":1", "--resolution", "56")
        #expect(try workspace.contents == ["next.mp4"])
    }

    /// `vitvideo … 2>&1 | head -1`.
    @Test func whoeverStopsReadingTheProgressDoesNotStopTheRun() throws {
        let workspace = try Workspace()
        let program = try workspace.start(
            Workspace.bikes, "-o", "out.mp4", "--progress", "json", "--frames", ":40", "--resolution", "56")
        _ = try #require(try program.nextErrorLine())
        program.closeErrors()
        #expect(try program.wait().status == 0)
        #expect(try MediaProbe(workspace.file("out.mp4")).frameTimes().count == 40)
    }

    /// Closed standard streams must not end up as the outputs.
    @Test func closedStreamsAreHarmless() throws {
        let workspace = try Workspace()
        let outcome = try workspace.shell(
            "exec \"$0\" \"$@\" <&- >&- 2>&-", Workspace.bikes, "-o", "out.mp4", "--export", "out.npz",
            "--progress", "json", "--verbose", "--frames", ":20", "--resolution", "56")
        #expect(outcome.status == 0)
        #expect(try MediaProbe(workspace.file("out.mp4")).frameTimes().count == 20)
        #expect(try AttentionExport(workspace.file("out.npz")).frames == Array(0..<20))
        #expect(try workspace.contents == ["out.mp4", "out.npz"])
    }
}
