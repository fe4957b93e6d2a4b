import Checkpoints
import Fixtures
import Foundation
import Testing

/// `--resume`: jobs that are killed, interrupted, damaged or asked for twice.
@Suite struct ResumeTests {
    /// So many that a run does not end before it is told to.
    private static let frames = 200

    /// A workspace with a clip with sound.
    private static func workspace(
        frames: Int = ResumeTests.frames, _ filter: String = "null"
    ) throws -> Workspace {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25", "-f", "lavfi", "-i",
            "sine=duration=\(frames / 25)", "-vf", filter, "-frames:v", String(frames), "-c:v", "libx264",
            "-c:a", "aac", "in.mp4")
        return workspace
    }

    struct Case: CustomTestStringConvertible {
        var name: String
        var outputs: [String]
        var options: [String]
        /// How many frames of the clip are selected.
        var frames = 100
        var filter = "null"
        var encoding: [String] = []
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "heads, smooth", outputs: ["mp4", "npz", "csv"],
            options: ["--scale", "smooth", "--resolution", "56"]),
        Case(
            name: "variable rate, a slice", outputs: ["mp4", "npz"],
            options: ["--frames", "5:90:2", "--resolution", "28", "--view", "overlay"], frames: 43,
            filter: "settb=1/90000,setpts='(N*40+mod(N,5)*7)/1000/TB'",
            encoding: ["-vsync", "passthrough", "-enc_time_base", "1:90000"]),
        Case(
            name: "beside a recording, a span of time", outputs: ["mkv", "csv"],
            options: [
                "--panel", "original", "--panel", "overlay", "--panel", "video:in.mp4", "-ss", "0.5", "-to",
                "3.5", "--resolution", "28", "--scale", "smooth",
            ], frames: 75),
        Case(
            name: "features, turned and repeated frames", outputs: ["mov", "npz"],
            options: ["--method", "features", "--resolution", "28", "--codec", "prores"],
            filter: "fps=10,fps=25,transpose"),
        Case(
            name: "numbers alone", outputs: ["npz"],
            options: ["--method", "rollout", "--frames", "-40:", "--resolution", "28"], frames: 40),
        Case(
            name: "halves, safetensors", outputs: ["safetensors"],
            options: ["--dtype", "float16", "--resolution", "28"]),
        Case(
            name: "halves, Zarr", outputs: ["mp4", "zarr"],
            options: ["--dtype", "float16", "--resolution", "28"]),
        Case(name: "pictures", outputs: ["%03d.png"], options: ["--view", "heatmap", "--resolution", "28"]),
        Case(
            name: "masks", outputs: ["-%03d.png", "json"],
            options: ["--threshold", "0.4", "--resolution", "28"]),
        Case(
            name: "WebM, whole segments", outputs: ["webm"],
            options: ["--view", "heatmap", "--frames", ":48", "--resolution", "28"], frames: 48),
    ]

    /// However often a run is killed, the result is that of a run that was not, and no finished frame is computed
    /// again.
    @Test(arguments: cases) func killedRunsGoOn(test: Case) throws {
        let workspace = try Self.workspace(frames: 100, test.filter)
        if !test.encoding.isEmpty {
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25", "-vf", test.filter, "-frames:v", "100",
                "-vsync", "passthrough", "-enc_time_base", "1:90000", "-c:v", "libx264", "in.mp4")
        }
        let job = ResumableRun(
            workspace: workspace, input: "in.mp4", outputs: test.outputs, options: test.options)
        #expect(try job.finish("whole") == test.frames)
        #expect(try !workspace.contents.contains { $0.hasSuffix(".resume") })

        for (more, signal) in [(0, SIGKILL), (17, SIGINT), (1, SIGKILL)] where try !job.isThere("out") {
            let outcome = try job.run("out", untilMoreThan: more, signal)
            #expect([0, 130, 128 + SIGKILL].contains(outcome.status), "\(outcome.errors)")
        }
        let kept = try job.keptFrames("out")
        if try workspace.contents.contains(job.directory("out")) {
            #expect(kept > 0, "the interrupted run has finished a segment")
            #expect(try job.finish("out") == max(0, test.frames - kept))
        }
        #expect(try job.difference("whole", "out") == nil)
        #expect(try !workspace.contents.contains { $0.hasSuffix(".resume") || $0.hasPrefix(".") })
    }

    /// An interrupt keeps what is finished and says how to go on.
    @Test func anInterruptedRunSaysHowToGoOn() throws {
        let workspace = try Self.workspace()
        let job = ResumableRun(
            workspace: workspace, input: "in.mp4", outputs: ["mp4", "csv"], options: ["--resolution", "56"])
        let outcome = try job.run("out", untilMoreThan: 20, SIGINT)
        #expect(outcome.status == 130)
        let kept = try job.keptFrames("out")
        #expect(
            outcome.errorLines.last
                == "vitvideo: interrupted; \(kept) frames are kept in out.mp4.resume, and the same command goes on "
                + "from there")
        #expect(try workspace.contents == ["in.mp4", "out.mp4.resume"])
        // A plain run to the same name has nothing to do with it.
        let plain = try workspace.run(
            ["in.mp4", "-o", "out.mp4", "--frames", ":3", "--resolution", "28"] + Trial.model)
        #expect(plain.status == 0)
        #expect(try job.keptFrames("out") == kept)
        let taken = try workspace.run(job.arguments("out"))
        #expect(taken.status == 73 && taken.errors.contains("it exists already"))
        let next = try workspace.run(job.arguments("out", ["-y"]))
        #expect(next.status == 0)
        let segments = kept == 16 ? "1 segment" : "\(kept / 16) segments"
        #expect(
            next.errorLines.first
                == "vitvideo: note: going on from \(kept) frames in \(segments) of out.mp4.resume")
        #expect(try workspace.contents == ["in.mp4", "out.csv", "out.mp4"])
    }

    /// What was killed while outputs were getting their names goes on there, over its own outputs.
    @Test func aJobThatWasBeingJoinedIsFinished() throws {
        let workspace = try Self.workspace()
        let job = ResumableRun(
            workspace: workspace, input: "in.mp4", outputs: ["mp4", "npz"], options: ["--resolution", "28"])
        #expect(try job.finish("whole") == Self.frames)
        _ = try job.run("out", untilMoreThan: 20, SIGKILL)
        try workspace.write([], to: "out.mp4.resume/joining")
        try workspace.write("from the run before".utf8, to: "out.mp4")
        _ = try job.finish("out")
        #expect(try job.difference("whole", "out") == nil)
    }

    @Test func otherSettingsAreRefused() throws {
        let workspace = try Self.workspace()
        let job = ResumableRun(
            workspace: workspace, input: "in.mp4", outputs: ["mp4"],
            options: ["--resolution", "56", "--backend", "onednn"])
        _ = try job.run("out", untilMoreThan: 20, SIGKILL)
        let kept = try job.keptFrames("out")
        try #require(kept > 0)
        for (more, reason) in [
            (["--crf", "20"], "--crf was 18.0 and is 20.0"),
            (["--layer", "0"], "--layer was not given and is 0"),
            (["--export", "out.npz"], "--export was not given and is given"),
            (["--frames", ":90"], "--frames was not given and is :90"), (["--no-audio"], "--no-audio"),
        ] {
            let outcome = try workspace.run(job.arguments("out", more))
            #expect(outcome.status == 64)
            #expect(outcome.errorLines.count == 1)
            #expect(
                outcome.errors.hasPrefix("vitvideo: cannot go on with out.mp4.resume: \(reason)"),
                "\(outcome.errors)")
            #expect(outcome.errors.contains("use the same settings, or remove the directory"))
        }
        // The same name, length and time, but another picture.
        var bytes = try workspace.bytes(of: "in.mp4")
        bytes[bytes.count / 2] ^= 1
        try workspace.write(bytes, to: "in.mp4")
        let outcome = try workspace.run(job.arguments("out"))
        #expect(outcome.status == 65)
        #expect(outcome.errors.contains("the content of the input is no longer the same"))
        #expect(try job.keptFrames("out") == kept)
    }

    /// Every option is part of the job's identity, or one of those that change nothing in the result.
    @Test func noOptionIsForgotten() throws {
        let harmless = [
            "--export", "--stats", "--plot", "--masks", "--coco", "--overwrite", "--output", "--strict",
            "--allow-network",
            "--offline", "--workers", "--backend", "--precision", "--budget-memory",
            "--allow-huge-frames", "--progress", "--quiet",
            "--verbose", "--resume", "--help", "--version", "--model", "--weights", "--threads",
            "--part", "--parts", "--join-only", "--allow-mixed-cpus",
            // What it makes of the texts counts with the models.
            "--tokenizer",
        ]
        let workspace = try Self.workspace()
        let job = ResumableRun(
            workspace: workspace, input: "in.mp4", outputs: ["mp4"],
            options: ["--resolution", "56", "--backend", "onednn"])
        _ = try job.run("out", untilMoreThan: 20, SIGKILL)
        let kept = String(decoding: try workspace.bytes(of: "out.mp4.resume/job.json"), as: UTF8.self)
        let help = try workspace.run(["--help"]).output
        let options = Set(
            help.matches(of: /\n  (?:-\w, |-\w <[^>]*>, )?(--[a-z-]+)/).map { String($0.output.1) })
        #expect(options.count > 30)
        for option in options where !harmless.contains(option) {
            #expect(kept.contains("\"\(option)\""), "\(option) is in nobody's list")
        }
        for name in ["the weights of", "\"computation\":\"oneDNN", "the version of FFmpeg"] {
            #expect(kept.contains(name))
        }
    }

    /// A damaged, cut or exchanged segment is computed again, and only that one.
    @Test func damagedSegmentsAreComputedAgain() throws {
        let workspace = try Self.workspace()
        let job = ResumableRun(
            workspace: workspace, input: "in.mp4", outputs: ["mp4", "npz", "csv"],
            options: ["--resolution", "28", "--scale", "smooth", "-y"])
        #expect(try job.finish("whole") == Self.frames)
        for damage in 0..<3 {
            _ = try job.run("out", untilMoreThan: 40, SIGKILL)
            let kept = try job.keptFrames("out")
            try #require(kept >= 32)
            let name = "out.mp4.resume/segment-000000"
            var bytes = try workspace.bytes(of: name)
            switch damage {
            case 0: bytes[bytes.count / 3] ^= 4
            case 1: bytes = bytes.prefix(bytes.count / 2)
            default: bytes = try workspace.bytes(of: "out.mp4.resume/segment-000001")
            }
            try workspace.write(bytes, to: name)
            let outcome = try workspace.run(job.arguments("out", ["--verbose"]))
            #expect(outcome.status == 0)
            #expect(outcome.errors.contains("vitvideo: warning: \(name) is not used, for "))
            #expect(
                outcome.errors.contains("\n\(Self.frames - kept + ResumableRun.segmentFrames) frames in "))
            #expect(try job.difference("whole", "out") == nil)
        }
    }

    @Test func twoRunsOfOneJobAreRefused() throws {
        let workspace = try Self.workspace()
        let job = ResumableRun(
            workspace: workspace, input: "in.mp4", outputs: ["mp4"], options: ["--resolution", "112"])
        let first = try workspace.start(arguments: job.arguments("out", ["--progress", "json"]))
        _ = try #require(try first.nextErrorLine())
        first.send(SIGSTOP)
        let second = try workspace.run(job.arguments("out"))
        first.send(SIGCONT)
        #expect(second.status == 73)
        #expect(
            second.errorLines == [
                "vitvideo: cannot keep segments in out.mp4.resume: another run is at work on this job"
            ])
        #expect(try first.wait().status == 0)
        #expect(try workspace.contents == ["in.mp4", "out.mp4"])
    }

    /// What cannot be resumed says so before it begins.
    @Test func whatHasNoSegmentsIsRefused() throws {
        let workspace = try Self.workspace()
        for (arguments, reason) in [
            (["in.mp4", "-o", "out.gif"], "a GIF is not written in segments"),
            (["in.mp4", "-o", "out.png"], "it holds one picture"),
            (["-", "-o", "out.mp4"], "--resume reads the input again"),
        ] {
            let outcome = try workspace.shell(
                "cat in.mp4 | exec \"$0\" \"$@\"", arguments: arguments + ["--resume"] + Trial.model)
            // An MP4 from a pipe may be unreadable before that.
            if outcome.status == 65, arguments[0] == "-" { continue }
            #expect(outcome.status == 64)
            #expect(outcome.errorLines.count == 1 && outcome.errors.contains(reason), "\(outcome.errors)")
        }
        #expect(try workspace.contents == ["in.mp4"])
    }

    /// A run that fails before its first segment leaves nothing, and a failing disk leaves what is finished.
    @Test(.enabled(if: Sanitizer.bearsFileSizeLimit)) func failuresKeepWhatIsFinished() throws {
        let workspace = try Self.workspace()
        let job = ResumableRun(
            workspace: workspace, input: "in.mp4", outputs: ["mp4"], options: ["--resolution", "28"])
        let refused = try workspace.run(job.arguments("out", ["--codec", "nothing"]))
        #expect(refused.status == 64)
        #expect(try workspace.contents == ["in.mp4"])
        // In blocks of 512 bytes: room for a segment, not for the whole.
        let full = try workspace.limited("ulimit -f 400", job.arguments("out"))
        #expect([73, 74].contains(full.status), "\(full.errors)")
        #expect(full.errorLines.count == 1)
        #expect(try workspace.contents == ["in.mp4", "out.mp4.resume"])
        #expect(try job.keptFrames("out") > 0)
        _ = try job.finish("out")
        #expect(try workspace.contents == ["in.mp4", "out.mp4"])
    }
}

extension ResumableRun {
    /// Whether the first output has its name.
    func isThere(_ name: String) throws -> Bool {
        let first = file(name, outputs[0]).replacingOccurrences(of: "%03d", with: "001")
        return try workspace.contents.contains(first)
    }
}
