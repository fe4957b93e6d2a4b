import Fixtures
import Foundation
import NumPy
import Testing

/// Texts as classes on the command line.
@Suite struct TextCommandTests {
    private static let texts = ["--text", "a photo of a dog", "--text", "grass", "--text", "two dogs run"]
    private static let towers = ["clip_transformers", "clip_open_clip"]

    private func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc=size=64x48:rate=5:duration=2", "clip.mkv")
        try workspace.ffmpeg("-i", "clip.mkv", "-frames:v", "1", "photo.png")
        return workspace
    }

    private static func model(_ name: String) -> [String] {
        ["--weights", Fixtures.golden("texts/\(name)").path, "--resolution", "16"]
    }

    private func run(_ workspace: Workspace, _ arguments: [String], _ model: String = "clip_transformers")
        throws
    {
        let outcome = try workspace.run(arguments + Self.model(model))
        #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
    }

    private func logits(_ workspace: Workspace, _ name: String) throws -> [Float] {
        try NPZReader(workspace.file(name)).array("logits").floats()
    }

    @Test(arguments: towers) func logitsAreThoseOfTheTexts(model: String) throws {
        let workspace = try workspace()
        try run(workspace, ["clip.mkv", "--export", "a.npz", "--stats", "a.csv"] + Self.texts, model)
        let all = try logits(workspace, "a.npz")
        #expect(all.count == 30 && Set(all).count > 20)
        // A text's logit does not depend on the others.
        try run(workspace, ["clip.mkv", "--export", "b.npz", "--text", "grass"], model)
        let grass = try logits(workspace, "b.npz")
        let expected = stride(from: 1, to: 30, by: 3).map { all[$0] }
        #expect(relativeError(grass, expected) <= 1e-6)
        // The likeliest stands in the table.
        let rows = String(decoding: try workspace.bytes(of: "a.csv"), as: UTF8.self).split(separator: "\n")
        let names = ["a photo of a dog", "grass", "two dogs run"]
        for (frame, row) in rows.dropFirst().enumerated() {
            let values = all[frame * 3..<frame * 3 + 3]
            let best = try #require(values.indices.max { values[$0] < values[$1] }) - frame * 3
            #expect(row.contains(names[best]), "\(row)")
        }
    }

    @Test func textsAreShownOnThePicture() throws {
        let workspace = try workspace()
        try run(workspace, ["photo.png", "-o", "plain.png"])
        try run(workspace, ["photo.png", "-o", "all.png"] + Self.texts)
        try run(workspace, ["photo.png", "-o", "first.png", "--top-k", "1"] + Self.texts)
        let pictures = try ["plain.png", "all.png", "first.png"].map { try workspace.bytes(of: $0) }
        #expect(Set(pictures).count == 3)
    }

    @Test func aGradientIsOfATextByNameOrNumber() throws {
        let workspace = try workspace()
        let arguments = ["photo.png", "--method", "gradient-rollout"] + Self.texts
        for (name, chosen) in [("name", "two dogs run"), ("number", "2"), ("other", "grass"), ("top", "top")]
        {
            try run(workspace, arguments + ["--class", chosen, "--export", "\(name).npz"])
        }
        func map(_ name: String) throws -> [Float] {
            try NPZReader(workspace.file("\(name).npz")).array("gradient_rollout").floats()
        }
        #expect(try map("name") == map("number"))
        #expect(try map("name") != map("other"))
        let all = try logits(workspace, "top.npz")
        let top = try NPZReader(workspace.file("top.npz")).array("class").int64s().map(Int.init)
        #expect(top == [try #require(all.indices.max { all[$0] < all[$1] })])
    }

    /// Relevance and Grad-CAM, in every frame for the text that `--class` names.
    @Test(arguments: [
        ("relevance", "clip_transformers"), ("relevance", "siglip_transformers"),
        ("gradcam", "clip_open_clip"),
    ]) func mapsAreOfTheTextThatIsNamed(method: String, model: String) throws {
        let workspace = try workspace()
        let arguments = ["clip.mkv", "--method", method, "--text", "a photo of a dog", "--text", "grass"]
        for (name, chosen) in [("grass", "grass"), ("number", "1"), ("dog", "a photo of a dog")] {
            try run(workspace, arguments + ["--class", chosen, "--export", "\(name).npz"], model)
        }
        let archive = try NPZReader(workspace.file("grass.npz"))
        #expect(Set(archive.names) == [method, "class", "logits", "frame", "time", "meta"])
        #expect(try archive.array("class").int64s() == [Int64](repeating: 1, count: 10))
        #expect(try archive.array("logits").shape == [10, 2])
        #expect(try archive.array("meta").strings().first?.contains("grass") == true)
        let maps = try archive.array(method)
        #expect(maps.shape == [10, 4, 5])
        let values = try maps.floats()
        #expect(values.allSatisfy { $0 >= 0 && $0.isFinite } && Set(values).count > 50, "\(values)")
        #expect(try values == NPZReader(workspace.file("number.npz")).array(method).floats())
        #expect(try values != NPZReader(workspace.file("dog.npz")).array(method).floats())
    }

    @Test func neuronDrawsTexts() throws {
        let workspace = try workspace()
        let arguments =
            ["-o", "a.png", "--steps", "2", "--target", "logit", "--export", "a.npz"] + Self.texts
        try run(workspace, ["neuron"] + arguments)
        let meta = try #require(try NPZReader(workspace.file("a.npz")).array("meta").strings().first)
        for text in ["0 a photo of a dog", "1 grass", "2 two dogs run"] { #expect(meta.contains(text)) }
        try run(workspace, ["neuron", "two dogs run"] + arguments + ["-y"])
        let picture = try NPZReader(workspace.file("a.npz")).array("picture")
        #expect(picture.shape[0] == 1)
    }

    @Test func aReportNamesTexts() throws {
        let workspace = try workspace()
        try run(
            workspace,
            ["probe", "photo.png", "-o", "report", "--only", "prediction,gradient-rollout"] + Self.texts)
        let page = String(decoding: try workspace.bytes(of: "report/index.html"), as: UTF8.self)
        for text in ["a photo of a dog", "grass", "two dogs run"] { #expect(page.contains(text)) }
    }

    /// Another text is another job.
    @Test func textsBelongToAResumableJob() throws {
        let workspace = try workspace()
        let resumed = ["clip.mkv", "-o", "out.mp4", "--resume", "--segment-frames", "3"]
        try run(workspace, resumed + Self.texts)
        let other = try workspace.run(
            ["clip.mkv", "-o", "out.mp4", "--resume", "--segment-frames", "3", "--text", "grass"]
                + Self.model("clip_transformers"))
        #expect(other.status != 0)
    }

    // MARK: What is refused

    @Test(arguments: [
        (["--text", "a", "--labels", "names.txt"], 64, "leave --labels out"),
        (["--text", "a", "--head", "head.pth"], 64, "--text and --head"),
        (["--text", "a", "--text", "a"], 64, "given twice"),
        (["--text", " "], 64, "--text is empty"),
        (["--tokenizer", "vocab.json"], 64, "--tokenizer goes with --text"),
        (["--text", "a<|endoftext|>"], 64, "'<|endoftext|>'"),
        (["--text", "a", "--tokenizer", "nothing.json"], 66, "nothing.json"),
        (["--text", "a", "--class", "b", "--method", "gradient-rollout"], 64, "no class is called 'b'"),
    ]) func mistakesAreOneLine(arguments: [String], status: Int32, words: String) throws {
        let workspace = try workspace()
        let outcome = try workspace.run(
            ["photo.png", "-o", "out.png"] + arguments + Self.model("clip_transformers"))
        #expect(outcome.status == status && outcome.errors.contains(words), "\(outcome.errors)")
        #expect(try workspace.size(of: "out.png") == 0)
    }

    /// SigLIP's texts are compared with what a probe gathers, not with a class token.
    @Test func gradCAMOfATextNeedsAClassToken() throws {
        let workspace = try workspace()
        let outcome = try workspace.run(
            ["photo.png", "--method", "gradcam", "--text", "grass", "-o", "out.png"]
                + Self.model("siglip_transformers"))
        #expect(outcome.status == 64 && outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("--method relevance"), "\(outcome.errors)")
        #expect(try workspace.size(of: "out.png") == 0)
    }

    @Test func aModelWithoutATextTowerSaysSo() throws {
        let workspace = try workspace()
        let outcome = try workspace.run([
            "photo.png", "-o", "out.png", "--text", "a dog", "--resolution", "32", "--num-heads", "3",
            "--weights", Golden.path("supervised", "weights"),
        ])
        #expect(outcome.status == 64 && outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("has no text tower"))
    }

    /// Weights by themselves.
    @Test func aMissingTokenizerIsAskedFor() throws {
        let workspace = try workspace()
        let folder = Fixtures.golden("texts/clip_transformers")
        try FileManager.default.createDirectory(
            atPath: workspace.file("bare"), withIntermediateDirectories: false)
        for name in ["model.safetensors", "config.json"] {
            try FileManager.default.copyItem(
                atPath: folder.appendingPathComponent(name).path, toPath: workspace.file("bare/\(name)"))
        }
        let arguments = [
            "photo.png", "-o", "out.png", "--text", "a dog", "--resolution", "16", "--weights", "bare",
        ]
        let outcome = try workspace.run(arguments)
        #expect(outcome.status == 66 && outcome.errors.contains("--tokenizer FILE"), "\(outcome.errors)")
        for name in TextCommandTests.files { #expect(outcome.errors.contains(name)) }
        let told = try workspace.run(arguments + ["--tokenizer", folder.path])
        #expect(told.status == 0, "\(told.errors)")
    }

    private static let files = ["tokenizer.json", "vocab.json", "bpe_simple_vocab_16e6.txt.gz"]
}
