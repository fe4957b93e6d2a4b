import Fixtures
import Foundation
import Testing

/// `vitvideo batch`: many inputs, of which some are damaged.
@Suite struct BatchTests {
    private static func workspace(videos: Int, frames: Int = 12) throws -> Workspace {
        let workspace = try Workspace()
        try workspace.makeDirectory("in")
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25", "-frames:v", String(frames), "-c:v",
            "libx264",
            "-g", "8", "in/v00.mp4")
        let bytes = try workspace.bytes(of: "in/v00.mp4")
        for number in 1..<max(videos, 1) {
            try workspace.write(bytes, to: "in/v\(number < 10 ? "0" : "")\(number).mp4")
        }
        return workspace
    }

    private static let options = ["--view", "heatmap", "--resolution", "28"] + Trial.model

    /// Thirty inputs, five of them damaged in five ways.
    @Test func whatCannotBeDoneIsNamedAndTheRestGoesOn() throws {
        let workspace = try Self.workspace(videos: 30)
        let bytes = try workspace.bytes(of: "in/v00.mp4")
        let damaged: [String: Data] = [
            "v03": Data(), "v07": Data("no video at all".utf8), "v11": bytes.prefix(400),
            "v19": Data(count: 5000),
            "v28": bytes.suffix(bytes.count / 2),
        ]
        for (name, content) in damaged { try workspace.write(content, to: "in/\(name).mp4") }
        try workspace.write("notes".utf8, to: "in/notes.txt")
        let arguments = ["batch", "in/", "-o", "out", "--export", "out/%s.npz"] + Self.options
        let outcome = try workspace.run(arguments)
        #expect(outcome.status == 65)
        let names = Set((0..<30).map { "v\($0 < 10 ? "0" : "")\($0)" }).subtracting(damaged.keys)
        let expected = names.flatMap { ["\($0).mp4", "\($0).npz"] }
        let written = try FileManager.default.contentsOfDirectory(atPath: workspace.file("out"))
        #expect(Set(written) == Set(expected + [".vitvideo-batch"]))
        for name in damaged.keys {
            #expect(
                outcome.errorLines.contains { $0.hasPrefix("vitvideo: ") && $0.contains("in/\(name).mp4: ") })
        }
        #expect(
            outcome.errorLines.last
                == "vitvideo: 5 of 30 videos failed: in/v03.mp4, in/v07.mp4, in/v11.mp4, in/v19.mp4, in/v28.mp4"
        )
        #expect(outcome.errorLines.contains { $0.wholeMatch(of: /in\/v00.mp4 +12 +\d+\.\d  done/) != nil })

        // Each is what it would be alone.
        try workspace.succeed(["in/v05.mp4", "-o", "alone.mp4", "--export", "alone.npz"] + Self.options)
        #expect(try MediaProbe(workspace.file("out/v05.mp4")).frameTimes().count == 12)
        #expect(try workspace.bytes(of: "out/v05.npz") == workspace.bytes(of: "alone.npz"))

        // Once more: nothing is computed, and what failed fails again.
        let before = try workspace.tree("out")
        let again = try workspace.run(arguments + ["--progress", "json"])
        #expect(again.status == 65)
        let line = try #require(again.errorLines.dropLast().last)
        let summary = try #require(
            try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(summary["videos"] as? Int == 30 && summary["done"] as? Int == 0)
        #expect(summary["done_before"] as? Int == 25)
        let failed = try #require(summary["failed"] as? [[String: String]])
        #expect(
            failed.map { $0["input"] } == [
                "in/v03.mp4", "in/v07.mp4", "in/v11.mp4", "in/v19.mp4", "in/v28.mp4",
            ])
        #expect(failed.allSatisfy { $0["reason"]?.contains("in/v") == true })
        #expect(try workspace.tree("out") == before)
    }

    /// Other settings, a changed input or a lost output make it anew, where that is allowed.
    @Test func whatIsDoneIsKnownByInputOutputAndSettings() throws {
        let workspace = try Self.workspace(videos: 2)
        let arguments = ["batch", "in/*.mp4", "-o", "out/%s.mkv"] + Self.options
        func done(_ more: String...) throws -> (Int, Int, Int32) {
            let outcome = try workspace.run(arguments + ["--progress", "json"] + more)
            let line = outcome.errorLines.first { $0.contains("\"done_before\"") } ?? ""
            let summary = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return (summary?["done"] as? Int ?? -1, summary?["done_before"] as? Int ?? -1, outcome.status)
        }
        #expect(try done() == (2, 0, 0))
        #expect(try done() == (0, 2, 0))
        #expect(try done("--crf", "30") == (0, 0, 65), "they exist already")
        #expect(try done("--crf", "30", "-y") == (2, 0, 0))
        #expect(try done("--crf", "30") == (0, 2, 0))
        try FileManager.default.removeItem(atPath: workspace.file("out/v01.mkv"))
        #expect(try done("--crf", "30") == (1, 1, 0))
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc=size=96x64:rate=25", "-frames:v", "9", "-c:v", "libx264",
            "in/v00.mp4")
        #expect(try done("--crf", "30") == (0, 1, 65))
        #expect(try done("--crf", "30", "-y") == (1, 1, 0))
    }

    /// Shares divide the inputs, and a long one by its segments; the run without a share joins.
    @Test func sharesDivideFilesAndLongOnes() throws {
        let workspace = try Self.workspace(videos: 4)
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25", "-frames:v", "100", "-c:v", "libx264", "-g",
            "8",
            "in/long.mp4")
        func arguments(_ out: String) -> [String] {
            ["batch", "in", "-o", out, "--resume", "--segment-frames", "16"] + Self.options
        }
        let whole = try workspace.run(arguments("whole"))
        #expect(whole.status == 0, "\(whole.errors)")
        for number in [2, 4, 1, 3] {
            let outcome = try workspace.run(arguments("out") + ["--part", "\(number)/4"])
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: workspace.file("out")).sorted()
        #expect(
            names == [".vitvideo-batch", "long.mp4.resume", "v00.mp4", "v01.mp4", "v02.mp4", "v03.mp4"])
        let join = try workspace.run(arguments("out") + ["--verbose"])
        #expect(join.status == 0)
        #expect(join.errors.contains("\n0 frames in "), "all of them are there: \(join.errors)")
        for name in ["long", "v00", "v01", "v02", "v03"] {
            #expect(try workspace.bytes(of: "out/\(name).mp4") == workspace.bytes(of: "whole/\(name).mp4"))
        }
    }

    @Test func anInterruptEndsTheBatch() throws {
        let workspace = try Self.workspace(videos: 3, frames: 600)
        let program = try workspace.start(
            arguments: ["batch", "in", "-o", "out", "--progress", "json"] + Self.options)
        while let line = try program.nextErrorLine(), !line.contains("\"frames\":2") {}
        program.send(SIGINT)
        let outcome = try program.wait()
        #expect(outcome.status == 130)
        #expect(outcome.errorLines.last?.hasPrefix("vitvideo: interrupted; ") == true, "\(outcome.errors)")
        #expect(outcome.errors.contains("{\"videos\":3,\"done\":"))
        let written = try FileManager.default.contentsOfDirectory(atPath: workspace.file("out"))
        #expect(!written.contains("v02.mp4"), "\(written)")
    }

    @Test func whatIsNoBatchIsRefused() throws {
        let workspace = try Self.workspace(videos: 1)
        for (arguments, code, reason) in [
            (["in", "-o", "out", "--export", "maps.npz"], 64 as Int32, "maps-%s.npz"),
            (["in", "-o", "out", "--stats", "-"], 64, "--stats out/%s.csv"),
            (["in", "-o", "out", "--part", "1/2"], 64, "--resume"),
            (["nothing/*.mp4", "-o", "out"], 66, "no file matches the pattern"),
            ([".", "-o", "out"], 66, "no videos are in this directory"),
        ] {
            let outcome = try workspace.run(["batch"] + arguments + Self.options)
            #expect(outcome.status == code && outcome.errors.contains(reason), "\(outcome.errors)")
            #expect(outcome.errorLines.count == 1)
        }
    }
}
