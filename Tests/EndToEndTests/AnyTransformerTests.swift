import Base
import Checkpoints
import Fixtures
import Foundation
import NumPy
import Testing
import VideoIO

/// Transformers of other builds on the command line, on a real clip.
@Suite struct AnyTransformerTests {
    private static let clip = [Workspace.bunny, "--frames", "0:60:20", "--quiet"]
    private static func golden(_ name: String) -> String { Fixtures.golden("graph/\(name)").path }

    @Test(
        "methods of a Swin over a clip",
        arguments: [
            ("attention", "attention"), ("layers", "layers"), ("rollout", "rollout"),
            ("relevance", "relevance"),
            ("gradient-rollout", "gradient_rollout"), ("tokens", "tokens"), ("features", "features"),
        ])
    func methods(name: String, array: String) throws {
        let workspace = try Workspace()
        try workspace.succeed(
            Self.clip + [
                "--weights", Self.golden("swin"), "--method", name, "--export", "maps.npz", "-o", "maps.mp4",
                "--stats",
                "maps.csv",
            ])
        let maps = try NPZReader(workspace.file("maps.npz")).array(array)
        #expect(maps.shape.first == 3)
        let values = try maps.floats()
        #expect(values.allSatisfy(\.isFinite) && values.min() != values.max())
        // Frames differ, and so do their maps.
        #expect(values.prefix(values.count / 3) != values.suffix(values.count / 3))
    }

    /// Twins' second layer: 12 rows of patches look at 3 rows of averages.
    @Test("a patch of a fine grid looks at a coarse one")
    func fineQuery() throws {
        let workspace = try Workspace()
        try workspace.ffmpeg("-i", Workspace.bunny, "-vf", "scale=48:48,setsar=1", "-frames:v", "1", "a.png")
        let command = ["a.png", "--weights", Self.golden("twins_svt"), "--layer", "1", "--quiet"]
        func map(_ query: String) throws -> [Float] {
            try workspace.succeed(command + ["--query", query, "--export", "maps.npz", "-y", "-o", "a.jpg"])
            let map = try NPZReader(workspace.file("maps.npz")).array("attention")
            #expect(map.shape.suffix(2) == [3, 3])
            return try map.floats()
        }
        let last = try map("11,10")
        #expect(try map("42px,46px") == last && map("2,3") != last)
        let outcome = try workspace.run(command + ["--query", "12,0", "--export", "b.npz"])
        #expect(outcome.status == 64 && outcome.errors.contains("12 rows by 12 columns"), "\(outcome.errors)")
    }

    @Test("a Swin beside a PiT's graph")
    func comparison() throws {
        let workspace = try Workspace()
        try workspace.succeed(
            Self.clip + [
                "-o", "both.mp4", "--define", "swin=\(Self.golden("swin"))", "--define",
                "pit=\(Self.golden("pit/model.onnx"))", "--compare", "swin,pit", "--method", "rollout",
            ])
        #expect(try VideoReader.picture(in: workspace.file("both.mp4")).width > 1280)
    }

    @Test(
        "what makes no sense is refused with the reason",
        arguments: [
            (["--weights", "swin", "--method", "qk"], "looks at plain Vision Transformers"),
            (["--weights", "coat_lite", "--method", "rollout"], "channels attend to patches"),
            (["--weights", "swin", "--query", "cls"], "has no class token in layer"),
            (["--weights", "swin", "--layer", "99"], "there is no layer 99"),
            (["--weights", "swin", "--reuse", "0.5"], "--reuse is of plain Vision Transformers"),
            (["--weights", "swin", "--precision", "int8"], "computed in fp32 alone"),
            (["--weights", "pit/model.onnx", "--resolution", "999"], "takes pictures of"),
            (["--weights", "swin", "--num-heads", "3"], "--num-heads is about plain Vision Transformers"),
        ])
    func refusals(arguments: [String], reason: String) throws {
        var arguments = arguments
        arguments[1] = Self.golden(arguments[1])
        let workspace = try Workspace()
        let outcome = try workspace.run(Self.clip + ["-o", "x.mp4"] + arguments)
        #expect(outcome.status == 64, "\(outcome.errors)")
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
        #expect(outcome.errorLines.count == 1)
        #expect(try workspace.contents.isEmpty)
    }

    @Test("a report on a Swin beside a PiT's graph")
    func report() throws {
        let workspace = try Workspace()
        try workspace.ffmpeg("-i", Workspace.bunny, "-frames:v", "1", "a.png")
        let models = [
            "--define", "swin=\(Self.golden("swin"))", "--define", "pit=\(Self.golden("pit/model.onnx"))",
            "--model", "swin,pit",
        ]
        try workspace.succeed(["probe", "a.png", "-o", "report", "--quiet"] + models)
        let page = String(decoding: try workspace.bytes(of: "report/index.html"), as: UTF8.self)
        for name in ["heads-1-swin.png", "relevance-1-pit.png", "distance-swin.svg", "rollout-1-pit.png"] {
            #expect(page.contains(name), "\(name)")
        }
        for (arguments, reason) in [
            (["--precision", "bf16"], "computed in fp32 alone"), (["--layer", "40"], "there is no layer 40"),
        ] {
            let outcome = try workspace.run(["probe", "a.png", "-o", "other"] + models + arguments)
            #expect(outcome.status == 64 && outcome.errors.contains(reason), "\(outcome.errors)")
        }
        #expect(try workspace.contents == ["a.png", "report"])
    }

    @Test("how much of a ConViT's attention goes by place")
    func gates() throws {
        let outcome = try Workspace().run(["models", "info", Self.golden("convit")])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let gates = try Checkpoint.open(Self.golden("convit")).floats("blocks.1.attn.gating_param")
        let shares = gates.map { String(format: "%.1f %%", 100 / (1 + exp(-$0))) }.joined(separator: ", ")
        #expect(Set(gates).count > 1)
        #expect(
            outcome.output.contains("layer 1 (blocks.1): \(gates.count) heads")
                && outcome.output.contains(", by place \(shares)\n"), "\(outcome.output)")
    }

    @Test("the picture of a neuron")
    func neuron() throws {
        let workspace = try Workspace()
        try workspace.succeed(
            "neuron", "1:3", "--weights", Self.golden("swin"), "-o", "neuron.png", "--steps", "3", "--quiet")
        let picture = try VideoReader.picture(in: workspace.file("neuron.png"))
        #expect(Set(picture.bytes).count > 50)
    }
}
