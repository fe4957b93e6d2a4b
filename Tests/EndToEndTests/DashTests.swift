import Foundation
import Testing

/// Words that begin with a minus, and "-" alone.
@Suite struct DashTests {
    private static let settings = MethodCommandTests.tiny + ["--resolution", "28"]

    /// A directory with a clip, a picture and weights whose names begin with a minus.
    private func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc=s=64x64:r=5", "-frames:v", "3", "-pix_fmt", "yuv420p", "./-dash.mp4"
        )
        try workspace.ffmpeg("-i", "./-dash.mp4", "-frames:v", "1", "./-h.png")
        try FileManager.default.copyItem(
            atPath: MethodCommandTests.tiny[1], toPath: workspace.file("-w.safetensors"))
        return workspace
    }

    @Test(arguments: ["-dash.mp4 -o -out.mp4", "-o -out.mp4 -- -dash.mp4", "./-dash.mp4 -o ./-out.mp4"])
    func namesMayBeginWithAMinus(_ arguments: String) throws {
        let workspace = try workspace()
        let words = arguments.split(separator: " ").map(String.init)
        let outcome = try workspace.run(
            ["--weights", "-w.safetensors", "--num-heads", "3", "--family", "dino", "--resolution", "28"]
                + words)
        #expect(outcome.status == 0 && outcome.errors == "" && outcome.output == "", "\(outcome)")
        #expect(try MediaProbe(workspace.file("./-out.mp4")).frameTimes().count == 3)
    }

    @Test func picturesOfAReportMayBeginWithAMinus() throws {
        let workspace = try workspace()
        let outcome = try workspace.run(
            ["probe", "-h.png", "-o", "report", "--only", "distance"] + Self.settings)
        #expect(outcome.status == 0 && outcome.output == "", "\(outcome)")
    }

    /// Values that begin with a minus are no paths.
    @Test func numbersStayNumbers() throws {
        let workspace = try workspace()
        for options in [["--frames", "-2:"], ["--layer", "-1"], ["--scale", "-0.5:1.5"]] {
            let outcome = try workspace.run(
                ["-dash.mp4", "-y", "-o", "out.mp4"] + options + Self.settings)
            #expect(outcome.status == 0, "\(options): \(outcome.errors)")
        }
    }

    @Test(arguments: ["-dash", "-heads", "-threads", "-hv"]) func nothingIsMistakenForHelp(_ word: String)
        throws
    {
        let workspace = try Workspace()
        for command in [[], ["probe"], ["neuron"]] {
            let outcome = try workspace.run(command + [word, "-o", "out.mp4"])
            if word == "-hv" {
                // Both letters are options, and one asks for help.
                #expect(outcome.status == 0 && outcome.output.contains("USAGE"))
            } else {
                #expect(outcome.status == 64 && outcome.output == "" && outcome.errorLines.count == 1)
                #expect(outcome.errors.contains("'\(word)'"))
            }
        }
    }

    static let refusals = [
        "in.mp4 -o -": "-o writes a file, never standard output",
        "in.mp4 --export -": "--export writes a file, never standard output",
        "in.mp4 --plot -": "--plot writes a file, never standard output",
        "in.mp4 -o out.mp4 --stats - --resume": "--resume",
        "probe in.png -o -": "-o is a directory, never standard output",
        "probe - -o report": "not from standard input",
        "in.mp4 -o out.mp4 --weights -": "--weights reads a file, not standard input",
        "in.mp4 -o out.mp4 --labels -": "--labels reads a file, not standard input",
        "in.mp4 -o out.mp4 --head -": "--head reads a file, not standard input",
        "in.mp4 -o out.mp4 --compare video:-": "video: reads a file, not standard input",
        "probe in.png -o report --weights -": "--weights reads a file, not standard input",
        "models import - --as dino_vits16": "reads a file, not standard input",
    ]

    @Test(arguments: refusals.keys.sorted()) func standardStreamsAreNotFiles(_ arguments: String) throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(arguments.split(separator: " ").map(String.init))
        #expect(outcome.status == 64 && outcome.output == "" && outcome.errorLines.count == 1)
        #expect(outcome.errors.contains(Self.refusals[arguments]!), "\(outcome.errors)")
        #expect(try workspace.contents == [])
    }

    /// The table is what it is in a file.
    @Test func theTableGoesToStandardOutput() throws {
        let workspace = try workspace()
        let filed = try workspace.run(["-dash.mp4", "--stats", "out.csv", "-q"] + Self.settings)
        #expect(filed.status == 0, "\(filed.errors)")
        let outcome = try workspace.run(["-dash.mp4", "--stats", "-", "-q"] + Self.settings)
        #expect(outcome.status == 0 && outcome.errors == "")
        #expect(outcome.output.split(separator: "\n").count == 4)
        #expect(try workspace.bytes(of: "out.csv") == Data(outcome.output.utf8))
    }

    /// Who reads has gone: an error of the write, and no other output is left half done.
    @Test func aReaderThatGoesEndsTheRun() throws {
        let workspace = try workspace()
        let outcome = try workspace.shell(
            "{ \"$0\" \"$@\"; echo $? > status; } | true",
            arguments: ["-dash.mp4", "--stats", "-", "-q", "-o", "out.mp4"] + Self.settings)
        #expect(try workspace.bytes(of: "status") == Data("74\n".utf8))
        #expect(outcome.errors == "vitvideo: cannot write standard output: Broken pipe\n")
        #expect(try workspace.contents == ["-dash.mp4", "-h.png", "-w.safetensors", "status"])
    }
}
