import Fixtures
import Foundation
import NumPy
import Pixels
import Testing
import VideoIO

/// Methods on tokens on the command line: similarity, tokens, foreground; relevance and Grad-CAM.
@Suite struct TokenMethodTests {
    private static let tiny = MethodCommandTests.tiny

    private func arrays(_ workspace: Workspace, _ file: String) throws -> NPZReader {
        try NPZReader(workspace.file(file))
    }

    /// Tokens are those of the pass, and similarity is their cosine.
    @Test func similarityIsTheCosineOfTokens() throws {
        let workspace = try Workspace()
        let clip = [Workspace.bunny, "--frames", "70:100:10", "--resolution", "112", "--quiet"]
        try workspace.succeed(
            clip + ["--method", "tokens", "--export", "tokens.npz", "-o", "tokens.mp4", "--stats", "t.csv"])
        let archive = try arrays(workspace, "tokens.npz")
        #expect(Set(archive.names) == ["tokens", "class_token", "frame", "time", "meta"])
        let tokens = try archive.array("tokens")
        #expect(tokens.shape == [3, 8, 14, 384])
        #expect(try archive.array("class_token").shape == [3, 384])
        let values = try tokens.floats()
        #expect(Set(values).count > 100_000)

        try workspace.succeed(
            clip + ["--method", "similarity", "--query", "3,5", "--export", "own.npz", "-o", "own.mp4"])
        try workspace.succeed(
            clip + [
                "--method", "similarity", "--query", "3,5", "--query-frame", "80", "--export", "followed.npz",
                "-o", "followed.mp4", "--view", "overlay",
            ])
        /// The cosine of a patch with patch (3, 5) of a frame.
        func cosine(_ frame: Int, _ cell: Int, with other: Int) -> Float {
            let a = values[(frame * 112 + cell) * 384..<(frame * 112 + cell + 1) * 384]
            let b = values[(other * 112 + 3 * 14 + 5) * 384..<(other * 112 + 3 * 14 + 6) * 384]
            func dot(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Double {
                zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            }
            return Float(dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot())
        }
        for (file, reference) in [("own.npz", Int?.none), ("followed.npz", 1)] {
            let map = try arrays(workspace, file).array("similarity")
            #expect(map.shape == [3, 8, 14])
            let found = try map.floats()
            for index in found.indices {
                let (frame, cell) = (index / 112, index % 112)
                #expect(abs(found[index] - cosine(frame, cell, with: reference ?? frame)) < 1e-5)
            }
            #expect((found.min() ?? 1) < 0.5)
        }
    }

    /// The query stays in another picture, wherever its patch lies there.
    @Test func aQueryInAnotherPicture() throws {
        let workspace = try Workspace()
        let options = ["--method", "similarity", "--resolution", "112", "--query"]
        try workspace.succeed(
            [Workspace.frame("full"), "--export", "own.npz"] + options + ["1000px,300px"])
        try workspace.succeed(
            [Workspace.frame("full"), "--export", "other.npz"] + options
                + ["1000px,300px", "--query-image", Workspace.frame("full")])
        try workspace.succeed(
            [Workspace.frame("full"), "--export", "third.npz"] + options
                + ["0,0", "--query-image", Workspace.frame("square")])
        let own = try arrays(workspace, "own.npz").array("similarity").floats()
        let other = try arrays(workspace, "other.npz").array("similarity").floats()
        #expect(bits(own) == bits(other))
        let third = try arrays(workspace, "third.npz")
        #expect(try third.array("similarity").floats().allSatisfy { $0 < 0.9999 })
        #expect(try third.array("meta").strings().first?.contains("query_image") == true)

        for (arguments, reason) in [
            (["--method", "similarity"], "--query"),
            (["--method", "similarity", "--query", "mean"], "'mean'"),
            (["--method", "similarity", "--query", "90,0"], "90,0"),
            (["--method", "similarity", "--query", "0,0", "--query-frame", "7"], "7:8"),
            (["--method", "similarity", "--query", "0,0", "--query-image", "none.png"], "none.png"),
            (
                ["--method", "similarity", "--query", "0,0", "--query-frame", "0", "--query-image", "a.png"],
                "--query-image"
            ),
        ] {
            let outcome = try workspace.run(
                [Workspace.frame("full"), "--export", "no.npz", "--resolution", "112"] + arguments)
            #expect(outcome.status != 0 && outcome.errorLines.count == 1, "\(outcome.errors)")
            #expect(outcome.errors.contains(reason), "\(outcome.errors)")
            #expect(!FileManager.default.fileExists(atPath: workspace.file("no.npz")))
        }
    }

    /// The mask is the same in the export, in the mask view and in the features of the foreground.
    @Test func foregroundOfAClip() throws {
        let workspace = try Workspace()
        let clip = [Workspace.bunny, "--frames", "70:100:10", "--resolution", "168", "--quiet"]
        try workspace.succeed(
            clip + [
                "--method", "foreground", "--export", "f.npz", "-o", "f.mp4", "--view", "mask", "--crf", "1",
            ])
        let archive = try arrays(workspace, "f.npz")
        let mask = try archive.array("foreground").floats()
        let component = try archive.array("foreground_component").floats()
        #expect(mask == component.map { $0 > 0 ? 1 : 0 })
        let share = mask.reduce(0, +) / Float(mask.count)
        #expect(share > 0.1 && share < 0.7, "\(share)")

        try workspace.succeed(
            clip + [
                "--method", "features", "--features-of", "foreground", "--export", "c.npz", "-o", "c.mp4",
            ])
        let colors = try arrays(workspace, "c.npz").array("features").floats()
        for cell in mask.indices where mask[cell] == 0 {
            #expect(colors[3 * cell..<3 * cell + 3].allSatisfy { $0 == 0 })
        }
        #expect(Set(colors).count > 100)
    }

    /// Relevance and Grad-CAM for a class, by its number and as the likeliest.
    @Test(arguments: ["relevance", "relevance --blocks -1:", "gradcam", "gradcam --layer 0"])
    func mapsForAClass(_ method: String) throws {
        let workspace = try Workspace()
        let words = method.split(separator: " ").map(String.init)
        let clip = [Workspace.bikes, "--frames", ":40:8", "--resolution", "32", "--quiet"] + Self.tiny
        for (name, target) in [("top", "top"), ("four", "4"), ("five", "5")] {
            try workspace.succeed(
                clip + ["-o", "\(name).mp4", "--export", "\(name).npz", "--class", target, "--method"] + words
            )
        }
        let top = try arrays(workspace, "top.npz")
        #expect(Set(top.names) == [words[0], "class", "logits", "frame", "time", "meta"])
        let (four, five) = (
            try arrays(workspace, "four.npz").array(words[0]),
            try arrays(workspace, "five.npz").array(words[0])
        )
        #expect(four.shape == [5, 8, 18])
        #expect(try four.floats() != five.floats())
        #expect(try four.floats().allSatisfy { $0 >= 0 && $0.isFinite })
        #expect(try (four.floats().max() ?? 0) > 0)
    }

    /// A job that was stopped goes on with the basis and the query it began with.
    @Test(arguments: [
        "similarity --query 2,3 --query-frame 30", "foreground", "features --features-of foreground",
        "tokens",
    ])
    func resumed(_ method: String) throws {
        let workspace = try Workspace()
        let options =
            [
                Workspace.bikes, "--frames", ":48", "--resolution", "32", "--quiet", "--segment-frames", "12",
                "--preset", "ultrafast", "--method",
            ] + method.split(separator: " ").map(String.init) + Self.tiny
        try workspace.succeed(options + ["-o", "whole.mp4", "--export", "whole.npz", "--resume"])
        let program = try workspace.start(
            arguments: options.filter { $0 != "--quiet" } + [
                "-o", "parts.mp4", "--export", "parts.npz", "--resume", "--progress", "json",
            ])
        _ = try program.nextErrorLine()
        program.send(SIGINT)
        _ = try program.wait()
        try workspace.succeed(options + ["-o", "parts.mp4", "--export", "parts.npz", "--resume", "-y"])
        #expect(try workspace.bytes(of: "whole.npz") == workspace.bytes(of: "parts.npz"))
        #expect(try workspace.bytes(of: "whole.mp4") == workspace.bytes(of: "parts.mp4"))
    }

    /// Between percentiles an outlier no longer darkens the rest.
    @Test func percentilesOfAFrameAndOfAClip() throws {
        let workspace = try Workspace()
        let frame = [Workspace.frame("full"), "--resolution", "112", "--view", "heatmap", "--quiet"]
        for (name, scale) in [
            ("frame", "frame"), ("some", "percentile:5:80"), ("all", "percentile:0:100"),
            ("clip", "clip:percentile:5:80"),
        ] {
            try workspace.succeed(frame + ["--scale", scale, "-o", "\(name).png"])
        }
        #expect(try workspace.bytes(of: "frame.png") == workspace.bytes(of: "all.png"))
        #expect(try workspace.bytes(of: "some.png") != workspace.bytes(of: "frame.png"))
        // One picture is the whole clip.
        #expect(try workspace.bytes(of: "some.png") == workspace.bytes(of: "clip.png"))
        for scale in [
            "percentile:90:10", "percentile:5", "percentile:-1:50", "clip:5:80", "percentile:0:101",
        ] {
            let outcome = try workspace.run(frame + ["--scale", scale, "-o", "no.png"])
            #expect(outcome.status == 64 && outcome.errorLines.count == 1, "\(scale): \(outcome.errors)")
        }
    }
}
