import Foundation
import Testing

/// What is said, and when nothing is.
@Suite struct TerminalTests {
    struct Progress: Decodable {
        let frames: Int
        let frame: Int
        let total: Int?
        let fps: Double
        let elapsed_seconds: Double
        let eta_seconds: Double?
    }

    @Test func progressIsOneObjectALine() throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            [
                Workspace.bikes, "-o", "out.mp4", "--progress", "json", "--frames", "10:60", "--resolution",
                "112",
            ])
        #expect(outcome.status == 0 && outcome.output == "")
        let lines = try outcome.errorLines.map {
            try JSONDecoder().decode(Progress.self, from: Data($0.utf8))
        }
        #expect(lines.count >= 2)
        #expect(lines.allSatisfy { $0.total == 50 && $0.frame == $0.frames + 9 && $0.fps > 0 })
        #expect(zip(lines, lines.dropFirst()).allSatisfy { $0.frames < $1.frames })
        #expect(zip(lines, lines.dropFirst()).allSatisfy { $0.elapsed_seconds < $1.elapsed_seconds })
        let last = try #require(lines.last)
        #expect(last.frames == 50 && last.eta_seconds == 0)
    }

    /// A file cut short ends before it was expected to: the last line says where, and that no time remains.
    @Test func theLastLineIsWhereItEnded() throws {
        let workspace = try Workspace()
        try workspace.ffmpeg("-i", Workspace.bikes, "-c", "copy", "-movflags", "faststart", "whole.mp4")
        let clip = try workspace.bytes(of: "whole.mp4")
        try workspace.write(clip.prefix(clip.count / 8), to: "cut.mp4")
        let outcome = try workspace.run(
            ["cut.mp4", "--export", "out.npz", "--progress", "json", "--resolution", "28"])
        #expect(outcome.status == 0)
        let line = try #require(outcome.errorLines.last { $0.hasPrefix("{") })
        let last = try JSONDecoder().decode(Progress.self, from: Data(line.utf8))
        #expect(last.total == 250 && last.eta_seconds == 0)
        #expect(last.frames == (try AttentionExport(workspace.file("out.npz")).frames.count))
    }

    /// A raw stream on a pipe tells no one how long it is.
    @Test func withoutATotalThereIsNoEstimate() throws {
        let workspace = try Workspace()
        try workspace.ffmpeg("-i", Workspace.bikes, "-c", "copy", "-frames:v", "30", "raw.h264")
        let outcome = try workspace.shell(
            "cat raw.h264 | \"$0\" - -o out.mp4 --progress json --resolution 28")
        #expect(outcome.status == 0)
        let lines = try outcome.errorLines.filter { $0.hasPrefix("{") }.map {
            try JSONDecoder().decode(Progress.self, from: Data($0.utf8))
        }
        #expect(lines.allSatisfy { $0.total == nil && $0.eta_seconds == nil })
        #expect(lines.last?.frames == 30)
        #expect(outcome.errorLines.last?.hasPrefix("vitvideo: warning: standard input: ") == true)
    }

    @Test func withoutATerminalThereIsNoBar() throws {
        try Workspace().succeed(
            Workspace.bikes, "-o", "out.mp4", "--frames", ":3", "--resolution", "56")
    }

    /// Warnings are not worth a line to who asked for quiet; errors are.
    @Test func quietSaysNothingButErrors() throws {
        let workspace = try Workspace()
        let clip = try Data(contentsOf: URL(fileURLWithPath: Workspace.bunny))
        try workspace.ffmpeg("-i", Workspace.bikes, "-c", "copy", "-movflags", "faststart", "whole.mp4")
        try workspace.write(workspace.bytes(of: "whole.mp4").prefix(clip.count / 20), to: "cut.mp4")
        let options = ["--resolution", "56", "--quiet", "--progress", "json"]
        let outcome = try workspace.run(["cut.mp4", "-o", "out.mp4"] + options)
        #expect(outcome.status == 0 && outcome.errors == "" && outcome.output == "")
        let failure = try workspace.run(["missing.mp4", "-o", "out.mp4"] + options)
        #expect(failure.status == 66 && failure.errorLines.count == 1)
    }

    @Test func verboseNamesTheBottleneck() throws {
        let outcome = try Workspace().run(
            [Workspace.bikes, "-o", "out.mp4", "--frames", ":5", "--resolution", "56", "--verbose"])
        #expect(outcome.status == 0)
        for text in ["640×272", "dinov2_vits14", "h264", "decode", "inference", "render", "bottleneck"] {
            #expect(outcome.errors.contains(text), "no word of \(text): \(outcome.errors)")
        }
    }

    /// On a terminal, narrow here: a bar that never runs into the next line, and ends on one of its own.
    @Test func theBarFitsTheTerminal() throws {
        let workspace = try Workspace()
        let command =
            "stty cols 50 && '\(Workspace.binary)' '\(Workspace.bikes)' -o out.mp4 --frames :40 --resolution 56"
        let outcome = try Program.run(
            "script", ["-q", "-e", "-c", command, "/dev/null"], environment: Workspace.cleared,
            directory: workspace.path)
        #expect(outcome.status == 0, "\(outcome.output)")
        let drawn = outcome.output.replacingOccurrences(of: "\u{1B}[K", with: "")
        #expect(drawn.hasSuffix("\r\n"))
        let bars = drawn.split(whereSeparator: \.isNewline)
        #expect(bars.count >= 2)
        #expect(bars.allSatisfy { $0.count < 50 && $0.contains("/40 frames") && $0.contains("▕") })
        #expect(bars.last?.contains(" 40/40 frames") == true)
    }

    /// A terminal that cannot go back on a line gets lines, without a bar and without control characters.
    @Test(arguments: ["dumb", nil]) func aDumbTerminalGetsLines(kind: String?) throws {
        let workspace = try Workspace()
        let command = "'\(Workspace.binary)' '\(Workspace.bikes)' -o out.mp4 --frames :12 --resolution 56"
        let outcome = try Program.run(
            "script", ["-q", "-e", "-c", command, "/dev/null"],
            environment: Workspace.cleared.merging(["TERM": kind]) { $1 }, directory: workspace.path)
        #expect(outcome.status == 0, "\(outcome.output)")
        let lines = outcome.output.split(separator: "\r\n", omittingEmptySubsequences: false).dropLast()
        #expect(!lines.isEmpty && outcome.output.hasSuffix("\r\n"))
        for line in lines {
            #expect(line.hasPrefix("vitvideo: ") && line.contains("/12 frames"), "\(line)")
            #expect(line.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "\(line)")
        }
        #expect(lines.last?.contains(" 12/12 frames") == true)
    }

    /// Who calls the program alone sees what it does.
    @Test(arguments: ["", "annotate", "probe"]) func aloneItShowsHowItIsUsed(_ command: String) throws {
        let outcome = try Workspace().run(command.isEmpty ? [] : [command])
        #expect(outcome.status == 64 && outcome.output == "")
        let name = command == "probe" ? "vitvideo probe" : "vitvideo"
        #expect(outcome.errors.contains("\n  \(name) ") && outcome.errors.contains("-o "))
        #expect(outcome.errorLines.last == "'\(name) --help' shows every option.")
        #expect(outcome.errorLines.count <= 11 && outcome.errorLines.allSatisfy { $0.count < 80 })
    }

    /// Nobody misses the sound in a picture.
    @Test(arguments: ["out.gif", "out-%d.png", "out-%d.jpg"]) func picturesDoNotMissTheSound(_ name: String)
        throws
    {
        try Workspace().succeed(Workspace.bunny, "-o", name, "--frames", ":2", "--resolution", "56")
    }

    @Test func helpMentionsEveryOption() throws {
        let help = try Workspace().run(["--help"])
        #expect(help.status == 0 && help.errors == "")
        for option in [
            "--frames", "-ss", "-to", "-t", "-o, --output", "--export", "-y, --overwrite", "--no-audio",
            "--codec", "--crf", "--preset", "--model", "--weights", "--resolution", "--position-rule",
            "--view", "--method", "--query", "--head-fusion", "--discard-ratio", "--compat", "--class",
            "--channel", "--head",
            "--layer", "--heads", "--fusion", "--alpha", "--colormap", "--interpolation", "--scale",
            "--threshold", "--compare", "--panel", "--stats", "--plot", "--offline", "--num-heads",
            "--checkpoint-key",
            "--threads", "--backend", "--precision", "--workers", "--allow-huge-frames", "--progress",
            "-q, --quiet",
            "-v, --verbose", "--version",
            "-h, --help",
            "vitvideo models",
        ] {
            #expect(help.output.contains(option), "no word of \(option)")
        }
        // The defaults of the documentation, however the lines are broken.
        let words = help.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for text in [
            "default: dinov2_vits14", "default: 18", "default: veryfast", "default: 0.6", "default: -1",
            "default: inferno", "default: bilinear", "default: mean", "default: frame",
        ] {
            #expect(
                words.contains(text), "no word of \(text)")
        }
        #expect(help.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(try Workspace().run(["annotate", "--help"]).output == help.output)
    }

    @Test func version() throws {
        let outcome = try Workspace().run(["--version"])
        #expect(outcome.status == 0)
        #expect(outcome.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
    }
}
