import Base
import Checkpoints
import Fixtures
import Foundation
import NumPy
import Testing
import VideoIO

/// `vitvideo train` on the handwritten digits of scikit-learn and on pictures made here.
@Suite struct TrainTests {
    private static let digits =
        Fixtures.packageRoot.appendingPathComponent("media/cache/digits.npz").path
    /// A model small enough for seconds of training.
    private static let small =
        "--image-size 16 --patch-size 4 --width 32 --depth 2 --num-heads 2 --mlp-width 64 --pooling token --no-gelu-after-mlp --no-augment --dropout 0 --head-dropout 0"
        .split(separator: " ").map(String.init)

    private static func text(of name: String, _ workspace: Workspace) throws -> String {
        String(decoding: try workspace.bytes(of: name), as: UTF8.self)
    }

    /// Six pictures of each of two classes.
    private static func classes(in workspace: Workspace) throws {
        try workspace.makeDirectory("classes")
        for (name, source) in [
            ("bars", "testsrc=size=24x24"), ("noise", "nullsrc=size=24x24,geq=random(1)*255:128:128"),
        ] {
            try workspace.makeDirectory("classes/\(name)")
            try workspace.ffmpeg("-f", "lavfi", "-i", source, "-frames:v", "6", "classes/\(name)/%d.png")
        }
    }

    @Test("digits to 90 % in a short run, and the model is an ordinary one")
    func digits() throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            [
                "train", Self.digits, "-o", "digits.safetensors", "--epochs", "12", "--batch-size", "64",
                "--learning-rate", "0.003", "--stats", "steps.csv", "--progress", "json",
            ] + Self.small)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let rows = try Self.text(of: "steps.csv", workspace).split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let column = try #require(rows[0].firstIndex(of: "validation_top1"))
        let accuracies = rows.dropFirst().compactMap { Double($0[column]) }
        #expect(accuracies.count == 12 && accuracies[0] < accuracies[11])
        #expect(accuracies[11] >= 0.9, "\(accuracies)")
        let losses = rows.dropFirst().compactMap { Double($0[2]) }
        #expect(losses[0] > 2 && losses[losses.count - 1] < 0.6)
        let last = try #require(outcome.errorLines.last { $0.hasPrefix("{") })
        #expect(last.contains("\"loss\":") && last.contains("\"validation_accuracy\":"))

        // The same picture by the program's own pass has the class that it shows.
        let images = try NPZReader(Self.digits).array("images")
        let labels = try NPZReader(Self.digits).array("labels").integers()
        let pixels = try images.integers()
        for index in [0, 700, 1500] {
            let values = pixels[index * 64..<(index + 1) * 64].map { UInt8($0) }
            try workspace.write(
                Array("P5 8 8 255\n".utf8) + values, to: "digit.pgm")
            try workspace.succeed(
                [
                    "digit.pgm", "--weights", "digits.safetensors", "--export", "out.npz", "-y", "--quiet",
                    "--resolution", "16", "--labels", "model", "-o", "out.png",
                ])
            let logits = try NPZReader(workspace.file("out.npz")).array("logits").floats()
            #expect(logits.indices.max { logits[$0] < logits[$1] } == Int(labels[index]))
            let attention = try NPZReader(workspace.file("out.npz")).array("attention").floats()
            #expect(attention.min() != attention.max())
        }
        #expect(!FileManager.default.fileExists(atPath: workspace.file("digits.safetensors.resume")))
    }

    @Test(
        "an interrupted run goes on to the same bytes",
        arguments: [[], ["--spt", "--lsa", "--pooling", "flatten", "--head-layers", "32"]])
    func resumption(more: [String]) throws {
        let workspace = try Workspace()
        var shape = Self.small
        if !more.isEmpty { shape.removeAll { ["--pooling", "token"].contains($0) } }
        let common =
            ["train", Self.digits, "--epochs", "3", "--batch-size", "128", "--watch", "photo.png"] + shape
            + more
        try workspace.ffmpeg("-f", "lavfi", "-i", "testsrc=size=24x24", "-frames:v", "1", "photo.png")
        try workspace.succeed(
            common + [
                "-o", "whole.safetensors", "--stats", "whole.csv", "--watch-stats", "watch.csv", "--quiet",
            ])

        let program = try workspace.start(
            arguments: common + [
                "-o", "parts.safetensors", "--stats", "parts.csv", "--watch-stats", "parts-watch.csv",
                "--progress",
                "json",
            ])
        while let line = try program.nextErrorLine(), !line.contains("\"frames\":") {}
        program.send(SIGINT)
        let interrupted = try program.wait()
        #expect(interrupted.status == 130, "\(interrupted.errors)")
        #expect(interrupted.errors.contains("parts.safetensors.resume holds the run"))
        #expect(try workspace.contents.contains("parts.safetensors.resume"))
        #expect(try !workspace.contents.contains("parts.safetensors"))
        #expect(try !workspace.contents.contains("parts.csv"))

        let refused = try workspace.run(
            common + ["-o", "parts.safetensors", "--watch-stats", "x.csv"])
        #expect(refused.status == 73 && refused.errors.contains("--resume"), "\(refused.errors)")
        let other = try workspace.run(
            common + ["-o", "parts.safetensors", "--resume", "--seed", "3", "--watch-stats", "x.csv"])
        #expect(other.status == 64 && other.errors.contains("other settings"), "\(other.errors)")

        try workspace.succeed(
            common + [
                "-o", "parts.safetensors", "--stats", "parts.csv", "--watch-stats", "parts-watch.csv",
                "--resume", "--quiet",
            ])
        #expect(try workspace.bytes(of: "parts.safetensors") == workspace.bytes(of: "whole.safetensors"))
        #expect(try workspace.bytes(of: "parts.csv") == workspace.bytes(of: "whole.csv"))
        #expect(try workspace.bytes(of: "parts-watch.csv") == workspace.bytes(of: "watch.csv"))
        #expect(try !workspace.contents.contains("parts.safetensors.resume"))
    }

    @Test("bf16 where the CPU multiplies it natively, and a refusal that says so elsewhere")
    func precision() throws {
        let workspace = try Workspace()
        try Self.classes(in: workspace)
        func train(_ name: String, _ precision: String) throws -> Program.Outcome {
            try workspace.run(
                ["train", "classes", "-o", name, "--epochs", "2", "--precision", precision, "-v"]
                    + Self.small)
        }
        let exact = try train("exact.safetensors", "fp32")
        #expect(exact.status == 0 && exact.errors.contains("in fp32"), "\(exact.errors)")
        let rounded = try train("rounded.safetensors", "bf16")
        guard rounded.status == 0 else {
            let refusal = try #require(rounded.errorLines.last)
            #expect(rounded.status == 69 && refusal.contains("natively"), "\(rounded.errors)")
            #expect(refusal.contains("--precision fp32"))
            #expect(try !workspace.contents.contains("rounded.safetensors"))
            return
        }
        #expect(rounded.errors.contains("in bf16"))
        #expect(
            try workspace.bytes(of: "rounded.safetensors") != workspace.bytes(of: "exact.safetensors"))
    }

    @Test("what is watched becomes a video, a table and a plot")
    func watching() throws {
        let workspace = try Workspace()
        try Self.classes(in: workspace)
        try workspace.ffmpeg("-f", "lavfi", "-i", "testsrc=size=32x32:rate=5", "-frames:v", "3", "clip.mkv")
        try workspace.succeed(
            [
                "train", "classes", "-o", "m.safetensors", "--epochs", "4", "--batch-size", "4", "--watch",
                "classes/bars/1.png,clip.mkv", "-o-watch", "watch.mp4", "--watch-every", "2", "--watch-stats",
                "watch.csv",
                "--watch-plot", "watch.svg", "--plot", "curves.png", "--quiet",
            ] + Self.small)
        // 10 pictures to train on make 3 steps an epoch: looks before steps 0, 2, …, 10, and at the end.
        let rows = try Self.text(of: "watch.csv", workspace).split(separator: "\n")
        #expect(rows.count == 1 + 7 * 2 * 2)
        #expect(rows[0] == "step,layer,head,entropy,distance")
        let first = rows[1].split(separator: ",").compactMap { Double($0) }
        // At first all tokens are attended to about equally, 17 of them.
        #expect(first[0] == 0 && abs(first[3] - log(17)) < 0.05 && first[4] > 4)
        #expect(rows[1].split(separator: ",")[3] != rows[rows.count - 1].split(separator: ",")[3])
        var frames = 0
        let reader = try VideoReader.open(workspace.file("watch.mp4"))
        while try reader.nextFrame() != nil { frames += 1 }
        #expect(frames == 7)
        #expect(try Self.text(of: "watch.svg", workspace).contains("<svg"))
        #expect(try VideoReader.picture(in: workspace.file("curves.png")).width == 1200)
    }

    @Test("a model of a build of its own goes through every door")
    func ownBuild() throws {
        let workspace = try Workspace()
        try Self.classes(in: workspace)
        try workspace.succeed(
            [
                "train", "classes", "-o", "own.safetensors", "--epochs", "2", "--batch-size", "4", "--quiet",
                "--spt", "--lsa",
                "--image-size", "24", "--patch-size", "6", "--width", "16", "--depth", "2", "--num-heads",
                "2", "--mlp-width", "32",
                "--head-width", "16", "--head-layers", "16",
            ])
        let own = ["--weights", "own.safetensors"]
        let picture = "classes/bars/1.png"
        for (method, array) in [
            ("attention", "attention"), ("rollout", "rollout"), ("relevance", "relevance"),
            ("similarity", "similarity"),
        ] {
            let query = method == "similarity" ? ["--query", "1,2"] : []
            try workspace.succeed(
                [picture, "--method", method, "--export", "\(method).npz", "--quiet"] + query + own)
            let values = try NPZReader(workspace.file("\(method).npz")).array(array).floats()
            #expect(values.allSatisfy(\.isFinite) && values.min() != values.max(), "\(method)")
        }
        // No token attends to itself.
        try workspace.succeed(
            [picture, "--query", "1,2", "--export", "patch.npz", "--quiet"] + own)
        let attention = try NPZReader(workspace.file("patch.npz")).array("attention")
        #expect(attention.shape == [1, 2, 4, 4])
        #expect(try attention.floats()[6] < 1e-30)
        try workspace.succeed(["probe", picture, "-o", "report", "--quiet"] + own)
        try workspace.succeed(["neuron", "1:3", "-o", "neuron.png", "--steps", "2", "--quiet"] + own)
        let info = try workspace.run(["models", "info", "own.safetensors"])
        #expect(info.output.contains("24×24") && info.output.contains("2 classes"), "\(info.output)")
        let server = try ServerProgram(in: workspace, [picture, "--port", "0"] + own)
        #expect(try server.get("/api/frames/1.png/0/attention?query=1,2").status == 200)
        #expect(try server.stop().status == 0)
    }

    @Test("a classifier on frozen features, and a model that goes on from another")
    func transfer() throws {
        let workspace = try Workspace()
        try workspace.succeed(
            [
                "train", Self.digits, "-o", "base.safetensors", "--epochs", "4", "--batch-size", "64",
                "--learning-rate", "0.003",
                "--quiet",
            ] + Self.small)
        let probe = try workspace.run(
            [
                "train", Self.digits, "--probe", "base.safetensors", "--image-size", "16",
                "-o", "head.safetensors",
            ])
        #expect(probe.status == 0, "\(probe.errors)")
        let accuracy = probe.errors.firstMatch(of: /validation ([0-9.]+) % top-1/).flatMap {
            Double($0.output.1)
        }
        #expect((accuracy ?? 0) > 60, "\(probe.errors)")
        let tuned = try workspace.run(
            [
                "train", Self.digits, "--fine-tune", "base.safetensors", "--image-size", "16", "--no-augment",
                "--epochs", "1",
                "--batch-size", "64", "-o", "tuned.safetensors",
            ])
        #expect(tuned.status == 0, "\(tuned.errors)")
        let head = try Checkpoint.open(workspace.file("head.safetensors"))
        #expect(head["weight"]?.shape == [10, 32])
        #expect(try workspace.bytes(of: "tuned.safetensors") != workspace.bytes(of: "base.safetensors"))
    }

    @Test func aFullDiskLeavesNothingHalf() throws {
        let workspace = try Workspace()
        try Self.classes(in: workspace)
        let outcome = try workspace.limited(
            "trap '' XFSZ; ulimit -f 8",
            ["train", "classes", "-o", "m.safetensors", "--stats", "steps.csv", "--epochs", "2"] + Self.small)
        #expect([73, 74].contains(outcome.status) && outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(try workspace.contents == ["classes"])
    }

    @Test(
        "what cannot be trained is said in one line, and nothing is left",
        arguments: [
            (
                ["classes", "-o", "m.safetensors", "--image-size", "30", "--patch-size", "4"], 64,
                "do not divide"
            ),
            (
                ["classes", "-o", "m.safetensors", "--width", "30", "--num-heads", "4"], 64,
                "do not divide a width"
            ),
            (["classes/bars", "-o", "m.safetensors"], 66, "do not lie in folders of classes"),
            (["gone", "-o", "m.safetensors"], 66, "gone"),
            (["one", "-o", "m.safetensors"], 65, "one class"),
            (["classes", "-o", "gone/m.safetensors"], 73, "gone/m.safetensors"),
            (["classes", "-o", "m.safetensors", "--o-watch", "x.mp4"], 64, "--watch"),
            (["classes", "-o", "m.safetensors", "-o-watch", "x.mp4"], 64, "--watch"),
            (["classes", "-o", "m.safetensors", "--watch", "gone.png", "-o-watch", "x.mp4"], 66, "gone.png"),
            (
                [
                    "classes", "-o", "m.safetensors", "--learning-rate", "1e25", "--weight-decay", "0",
                    "--epochs", "3", "--batch-size", "2",
                ], 65, "lower the learning rate"
            ),
            (["classes", "-o", "m.safetensors", "--fine-tune", "none"], 64, "none"),
            (["classes", "-o", "m.safetensors", "--probe", "none", "--spt"], 64, "--spt"),
            (["classes", "-o", "m.safetensors", "--probe", "none", "--epochs", "3"], 64, "--epochs"),
            (["classes", "-o", "m.safetensors", "--probe", "none", "--zoom", "0.1"], 64, "--zoom"),
        ])
    func refusals(arguments: [String], status: Int, reason: String) throws {
        let workspace = try Workspace()
        try Self.classes(in: workspace)
        try workspace.makeDirectory("one")
        try workspace.ffmpeg("-i", "classes/bars/1.png", "one/a.png")
        try workspace.makeDirectory("one/kind")
        try workspace.ffmpeg("-i", "classes/bars/1.png", "one/kind/a.png")
        let outcome = try workspace.run(["train"] + arguments)
        #expect(Int(outcome.status) == status, "\(outcome.errors)")
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
        #expect(outcome.errorLines.count { !$0.contains("warning") } == 1, "\(outcome.errors)")
        // A run that came to nothing may have kept its last good state.
        #expect(try workspace.contents.filter { !$0.hasSuffix(".resume") } == ["classes", "one"])
    }
}
