import Testing

/// `-` for the input.
@Suite struct StandardInputTests {
    static let options = ["--frames", ":12", "--resolution", "56"]

    /// Through a pipe as from the file, sound and times included.
    @Test(arguments: ["clip.mkv", "clip.mp4"]) func aPipeIsAsGoodAsTheFile(name: String) throws {
        let workspace = try Workspace()
        try workspace.ffmpeg("-i", Workspace.bunny, "-c", "copy", "-movflags", "faststart", name)
        let outcome = try workspace.shell(
            "cat \(name) | \"$0\" - -o pipe.mp4 --export pipe.npz --frames :12 --resolution 56 --no-audio")
        #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
        try workspace.succeed(
            name, "-o", "file.mp4", "--export", "file.npz", "--frames", ":12", "--resolution", "56",
            "--no-audio")
        #expect(try workspace.bytes(of: "pipe.npz") == workspace.bytes(of: "file.npz"))
        #expect(try workspace.bytes(of: "pipe.mp4") == workspace.bytes(of: "file.mp4"))
    }

    /// The whole of a pipe with its sound.
    @Test func soundComesThroughAPipe() throws {
        let workspace = try Workspace()
        try workspace.ffmpeg("-i", Workspace.bunny, "-c", "copy", "-t", "1", "clip.mkv")
        let outcome = try workspace.shell("cat clip.mkv | \"$0\" - -o out.mkv --resolution 56")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let (source, copy) = (MediaProbe(workspace.file("clip.mkv")), MediaProbe(workspace.file("out.mkv")))
        #expect(try copy.frameTimes() == source.frameTimes())
        #expect(try copy.audioPackets() == source.audioPackets())
    }

    /// `< clip.mp4` can be searched, so the index may be at the end.
    @Test func aRedirectedFileIsAFile() throws {
        let workspace = try Workspace()
        let outcome = try workspace.shell(
            "\"$0\" - --export in.npz --frames 100:103 --resolution 112 < \"$1\"", Workspace.bunny)
        #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
        let whole = try AttentionExport(SharedRun.whole().archive)
        let part = try AttentionExport(workspace.file("in.npz"))
        #expect(part.frames == [100, 101, 102])
        #expect(bits(part.map(frame: 0, head: 0)) == bits(whole.map(frame: 100, head: 0)))
    }

    /// From a pipe it cannot be read, and the message says what to do.
    @Test func anIndexAtTheEndOfAPipeIsExplained() throws {
        let workspace = try Workspace()
        let outcome = try workspace.shell("cat \"$1\" | \"$0\" - -o out.mp4", Workspace.bunny)
        #expect(outcome.status == 65)
        #expect(outcome.errorLines.count == 1)
        #expect(outcome.errors.contains("standard input") && outcome.errors.contains("index"))
        #expect(try workspace.contents == [])
    }
}
