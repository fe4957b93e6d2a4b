import Checkpoints
import Fixtures
import Testing
import VideoIO

/// Single pictures in and out.
@Suite struct PictureTests {
    /// The binary against timm with the same weights, both rules for position embeddings, last and middle block.
    @Test(arguments: ["square", "wide"], ["hub", "timm"]) func attentionIsTimms(frame: String, rule: String)
        throws
    {
        let golden = try Checkpoint.open(Fixtures.golden("real/dinov2_vits14.safetensors").path)
        for layer in [5, 11] {
            let workspace = try Workspace()
            try workspace.succeed(
                Workspace.frame(frame), "--resolution", "native", "--export", "a.npz", "--layer", "\(layer)",
                "--position-rule", rule)
            let export = try AttentionExport(workspace.file("a.npz"))
            let expected = try golden.floats("\(frame)/\(rule)/attention.\(layer)")
            try #require(export.attention.count == expected.count)
            #expect(export.shape == (frame == "square" ? [1, 6, 16, 16] : [1, 6, 22, 32]))
            let worst = zip(export.attention, expected).map { abs($0 - $1) }.max() ?? .infinity
            #expect(worst <= 1e-4, "\(worst)")
            let count = export.rows * export.columns
            for head in 0..<6 {
                let range = head * count..<(head + 1) * count
                #expect(hottest(export.map(frame: 0, head: head)) == hottest([Float](expected[range])))
            }
        }
    }

    @Test func withoutARuleItIsTheHubs() throws {
        let workspace = try Workspace()
        for (name, rule) in [("plain", []), ("hub", ["--position-rule", "hub"])] {
            let outcome = try workspace.run(
                [Workspace.frame("square"), "--resolution", "native", "--export", "\(name).npz"] + rule)
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        #expect(try workspace.bytes(of: "plain.npz") == (try workspace.bytes(of: "hub.npz")))
    }

    @Test func metaTellsHowTheMapsCameAbout() throws {
        let workspace = try Workspace()
        try workspace.succeed(
            Workspace.frame("wide"), "--export", "a.npz", "--heads", "4,1", "--layer", "-2", "--resolution",
            "100")
        let meta = try AttentionExport(workspace.file("a.npz")).meta
        #expect(meta.model == "dinov2_vits14")
        #expect(meta.weights_sha256.count == 64)
        #expect(meta.layer == 10)
        #expect(meta.heads == [4, 1])
        #expect(meta.patch == 14)
        #expect(meta.source_height == 308 && meta.source_width == 448)
        #expect(meta.input_height == 98 && meta.input_width == 140)
        #expect(abs(meta.cell_height - 14.0 * 308 / 100) < 1e-9)
        #expect(abs(meta.cell_width - 14.0 * 448 / 145) < 1e-9)
        #expect(try meta.version == Workspace().run(["--version"]).output.dropLast())
        let verified = try Workspace().run(["models", "verify"]).output
        #expect(verified.contains(meta.weights_sha256))
    }

    @Test func aPictureGivesAPicture() throws {
        let workspace = try Workspace()
        try workspace.succeed(Workspace.frame("square"), "-o", "out.png")
        let image = try StillImage.read(workspace.file("out.png"))
        #expect(image.width > image.height && image.width <= 1920)
        #expect(try workspace.contents == ["out.png"])
    }

    @Test func jpegsAndOddSizesAreRead() throws {
        let workspace = try Workspace()
        try workspace.ffmpeg("-i", Workspace.frame("full"), "-vf", "crop=301:199", "odd.jpg")
        try workspace.succeed(
            "odd.jpg", "-o", "out.png", "--export", "out.npz", "--view", "overlay", "--resolution", "56")
        #expect(try MediaProbe(workspace.file("out.png")).size() == "301x199")
        #expect(try AttentionExport(workspace.file("out.npz")).shape == [1, 6, 4, 6])
    }

    @Test func numberedPicturesAreAClip() throws {
        let workspace = try Workspace()
        try workspace.ffmpeg("-i", Workspace.bikes, "-frames:v", "4", "in-%03d.png")
        try workspace.succeed(
            "in-%03d.png", "-o", "out-%02d.png", "--export", "out.npz", "--view", "overlay", "--alpha", "0",
            "--resolution", "56")
        #expect(
            try workspace.contents.filter { $0.hasPrefix("out-") } == (1...4).map { "out-0\($0).png" })
        for number in 1...4 {
            #expect(
                try StillImage.read(workspace.file("out-0\(number).png"))
                    == StillImage.read(workspace.file("in-00\(number).png")))
        }
        #expect(try AttentionExport(workspace.file("out.npz")).frames == [0, 1, 2, 3])
    }

    @Test func secondPictureForOneNameIsAnError() throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            [Workspace.bikes, "-o", "out.png", "--frames", ":2", "--resolution", "56"])
        #expect(outcome.status == 64)
        #expect(outcome.errorLines.count == 1 && outcome.errors.contains("out-%04d.png"))
        #expect(try workspace.contents == [])
    }
}
