import Fixtures
import Foundation
import NumPy
import Testing

/// `--part`: a job that is shared out among runs.
@Suite struct ShareTests {
    static let frames = 100

    /// A workspace with a clip with sound.
    private static func workspace(
        _ filter: String = "null", codec: [String] = ["-c:v", "libx264", "-g", "20"],
        to name: String = "in.mp4"
    ) throws -> Workspace {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25", "-f", "lavfi", "-i", "sine=duration=4",
            "-vf",
            filter, "-frames:v", String(frames), codec[0], codec[1], codec[2], codec[3], "-c:a", "aac", name)
        return workspace
    }

    struct Case: CustomTestStringConvertible {
        var name: String
        var outputs: [String]
        var options: [String]
        var input = "in.mp4"
        var codec = ["-c:v", "libx264", "-g", "20"]
        /// Whether frames are drawn only when those before them are there.
        var isRunning = false
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "heads, numbers, sound", outputs: ["mp4", "npz", "csv"], options: ["--resolution", "56"]),
        Case(
            name: "a running scale", outputs: ["mp4", "csv"],
            options: ["--scale", "smooth", "--view", "heads", "--resolution", "28"], isRunning: true),
        Case(
            name: "a running scale, panels and masks", outputs: ["mkv"],
            options: [
                "--panel", "original", "--panel", "mask", "--panel", "side-by-side", "--panel",
                "video:in.mp4",
                "--scale", "smooth:1", "--resolution", "28",
            ], isRunning: true),
        Case(
            name: "the clip's scale, features", outputs: ["mov", "npz"],
            options: ["--method", "features", "--scale", "clip", "--resolution", "28"]),
        Case(
            name: "a slice", outputs: ["mp4", "npz"],
            options: ["--frames", "7:-5:2", "--view", "overlay", "--resolution", "28"]),
        Case(
            name: "a span of time, pictures", outputs: ["%03d.png"],
            options: ["-ss", "0.9", "-to", "3.3", "--view", "heatmap", "--resolution", "28"]),
        Case(
            name: "masks alone", outputs: ["-%03d.png", "json"], options: ["--resolution", "28"]),
        Case(
            name: "packets that are no frames", outputs: ["mp4"],
            options: ["--view", "heatmap", "--resolution", "28"], input: "in.webm",
            codec: ["-c:v", "libvpx", "-g", "20"]),
        Case(
            name: "numbered pictures", outputs: ["mp4", "npz"],
            options: ["--view", "heatmap", "--resolution", "28"], input: "f%03d.png",
            codec: ["-c:v", "png", "-f", "image2"]),
    ]

    /// In whatever order and however often shares are computed, the result is that of one run.
    @Test(arguments: cases) func sharesGiveWhatOneRunGives(test: Case) throws {
        let workspace = try Self.workspace(to: "in.mp4")
        if test.input != "in.mp4" {
            let sound = test.input.hasSuffix("webm") ? ["-c:a", "libvorbis"] : ["-an"]
            let outcome = try Program.run(
                "ffmpeg", ["-v", "error", "-i", "in.mp4"] + test.codec + sound + [test.input],
                directory: workspace.path)
            try #require(outcome.status == 0, "\(outcome.errors)")
        }
        let job = ResumableRun(
            workspace: workspace, input: test.input, outputs: test.outputs, options: test.options)
        let frames = try job.finish("whole")
        /// - Returns: how many frames the shares have computed.
        func passThroughShares() throws -> Int {
            try [3, 1, 4, 2].map { number in
                let outcome = try workspace.run(job.arguments("out", ["--part", "\(number)/4", "--verbose"]))
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.errors.contains("vitvideo: part \(number) of 4: "))
                let line = outcome.errorLines.last { $0.contains(" frames in ") } ?? ""
                return Int(line.prefix { $0.isNumber }) ?? -1
            }.reduce(0, +)
        }
        #expect(try passThroughShares() == frames)
        let names = try workspace.contents
        #expect(names.contains(job.directory("out")) && !names.contains(job.file("out", test.outputs[0])))
        let joined = try workspace.run(job.arguments("out", ["--join-only", "--verbose"]))
        if test.isRunning {
            #expect(joined.status == 66 && joined.errors.contains("not drawn yet"), "\(joined.errors)")
        } else {
            #expect(joined.status == 0, "\(joined.errors)")
            #expect(joined.errors.contains("\n0 frames in "))
            #expect(try job.difference("whole", "out") == nil)
        }
        guard test.isRunning else { return }
        #expect(try passThroughShares() == 0, "nothing is computed twice")
        #expect(try workspace.run(job.arguments("out", ["--join-only"])).status == 0)
        #expect(try job.difference("whole", "out") == nil)
        // What is left to draw is drawn by the run that joins.
        for number in [2, 3] {
            #expect(try workspace.run(job.arguments("more", ["--part", "\(number)/4"])).status == 0)
        }
        #expect(try job.finish("more") > 0)
        #expect(try job.difference("whole", "more") == nil)
        #expect(try !workspace.contents.contains { $0.hasSuffix(".resume") || $0.hasPrefix(".") })
    }

    private static func job(_ outputs: [String] = ["mp4", "npz"], _ more: [String] = []) throws
        -> ResumableRun
    {
        ResumableRun(
            workspace: try workspace(), input: "in.mp4", outputs: outputs,
            options: ["--resolution", "28", "--view", "heatmap"] + more)
    }

    /// Shares that begin together, and one of them twice, agree about everything.
    @Test func sharesBeginTogether() throws {
        let job = try Self.job(["mp4", "npz"], ["--method", "features", "--scale", "clip"])
        _ = try job.finish("whole")
        let programs = try [1, 2, 2, 3].map {
            try job.workspace.start(arguments: job.arguments("out", ["--part", "\($0)/3"]))
        }
        for program in programs {
            let outcome = try program.wait()
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        let join = try job.workspace.run(job.arguments("out", ["--join-only"]))
        #expect(join.status == 0, "\(join.errors)")
        #expect(try job.difference("whole", "out") == nil)
        #expect(try !job.workspace.contents.contains { $0.hasSuffix(".resume") || $0.hasPrefix(".") })
    }

    /// What is missing has a name; what is killed or damaged is computed by the next run of its share.
    @Test func whatIsMissingIsNamedAndComputed() throws {
        let job = try Self.job()
        _ = try job.finish("whole")
        let nothing = try job.workspace.run(job.arguments("out", ["--join-only"]))
        #expect(nothing.status == 66)
        #expect(
            nothing.errorLines == [
                "vitvideo: cannot join out.mp4.resume: it lacks those from frame 0 on; compute them first, or leave "
                    + "--join-only out"
            ])
        #expect(try !job.workspace.contents.contains("out.mp4.resume"))
        for number in [1, 3] {
            #expect(try job.workspace.run(job.arguments("out", ["--part", "\(number)/3"])).status == 0)
        }
        let some = try job.workspace.run(job.arguments("out", ["--join-only"]))
        #expect(some.status == 66)
        #expect(some.errorLines.last?.contains("it lacks frames 32 to 63;") == true, "\(some.errors)")
        // Of a share that is killed nothing is wrong later, and only what is damaged is computed again.
        let killed = try job.workspace.start(
            arguments: job.arguments("out", ["--part", "2/3", "--progress", "json"]))
        _ = try killed.nextErrorLine()
        killed.send(SIGKILL)
        _ = try killed.wait()
        var bytes = try job.workspace.bytes(of: "out.mp4.resume/segment-000004")
        bytes[bytes.count / 2] ^= 1
        try job.workspace.write(bytes, to: "out.mp4.resume/segment-000004")
        let repaired = try job.workspace.run(job.arguments("out", ["--part", "3/3", "--verbose"]))
        #expect(repaired.status == 0)
        #expect(repaired.errors.contains("segment-000004 is not used, for "))
        #expect(repaired.errors.contains("\n16 frames in "), "\(repaired.errors)")
        #expect(try job.workspace.run(job.arguments("out", ["--part", "2/3"])).status == 0)
        #expect(try job.workspace.run(job.arguments("out", ["--join-only"])).status == 0)
        #expect(try job.difference("whole", "out") == nil)
    }

    /// Another machine's unfinished piece stays until it is a day old, its clock being off or not.
    @Test func nobodyRemovesWhatAnotherWrites() throws {
        let job = try Self.job()
        #expect(try job.workspace.run(job.arguments("out", ["--part", "1/3"])).status == 0)
        let (young, old) = (".vitvideo-node7.4026531836-12-a.tmp", ".vitvideo-node7.4026531836-12-b.tmp")
        for (name, hours) in [(young, -1.0), (old, 26)] {
            try job.workspace.write([1], to: "out.mp4.resume/\(name)")
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -3600 * hours)],
                ofItemAtPath: job.workspace.file("out.mp4.resume/\(name)"))
        }
        _ = try job.finish("out")
        let left = try FileManager.default.contentsOfDirectory(
            atPath: job.workspace.file("out.mp4.resume"))
        #expect(left == [young])
        let late = try job.workspace.run(job.arguments("out", ["--part", "2/3"]))
        #expect(late.status == 73 && late.errors.contains("out.mp4"), "\(late.errors)")
    }

    @Test func aShareOfAnotherJobIsRefused() throws {
        let job = try Self.job(["mp4"])
        #expect(try job.workspace.run(job.arguments("out", ["--part", "1/3"])).status == 0)
        let before = try job.workspace.tree("out.mp4.resume")
        let other = try job.workspace.run(job.arguments("out", ["--part", "2/3", "--crf", "30"]))
        #expect(other.status == 64)
        #expect(
            other.errorLines == [
                "vitvideo: cannot go on with out.mp4.resume: --crf was 18.0 and is 30.0; use the same settings, or remove "
                    + "the directory"
            ])
        #expect(try job.workspace.tree("out.mp4.resume") == before)
    }

    /// Another library, and another instruction set of the same one.
    @Test func mixedComputationsAreToldOrRefused() throws {
        let job = try Self.job(["npz"])
        _ = try job.finish("whole")
        let others: [(options: [String], environment: [String: String], name: String)] = [
            (["--backend", "openblas"], [:], "OpenBLAS"), (["--backend", "own"], [:], "own kernels"),
            (["--backend", "onednn"], ["ONEDNN_MAX_CPU_ISA": "SSE41"], "(SSE4.1)"),
        ]
        for (place, other) in others.enumerated() {
            let name = "out\(place)"
            let first = job.arguments(name, ["--part", "1/2", "--backend", "onednn"])
            #expect(try job.workspace.run(first).status == 0)
            let second = job.arguments(name, ["--part", "2/2"] + other.options)
            let refused = try job.workspace.run(second, environment: other.environment)
            #expect(refused.status == 64 && refused.errorLines.count == 1)
            #expect(
                refused.errors.contains("it was begun with oneDNN") && refused.errors.contains(other.name))
            #expect(refused.errors.contains("--allow-mixed-cpus"))
            let allowed = try job.workspace.run(
                second + ["--allow-mixed-cpus"], environment: other.environment)
            #expect(allowed.status == 0, "\(allowed.errors)")
            let join = try job.workspace.run(job.arguments(name, ["--join-only"]))
            #expect(join.status == 64 && join.errors.contains("frames 48 to 99 with "), "\(join.errors)")
            let mixed = try job.workspace.run(job.arguments(name, ["--join-only", "--allow-mixed-cpus"]))
            #expect(mixed.status == 0)
            let notes = mixed.errorLines.filter { $0.hasPrefix("vitvideo: note: frames ") }
            #expect(notes.count == 2 && notes[1].contains(other.name), "\(mixed.errors)")
            let maps = try ["whole", name].map {
                try AttentionExport(job.workspace.file("\($0).npz")).attention
            }
            let furthest = zip(maps[0], maps[1]).map { abs($0 - $1) }.max() ?? 1
            #expect(maps[0].count == maps[1].count && furthest < 1e-5 && furthest > 0, "off by \(furthest)")
        }
    }

    /// A sanitizer's library has to be the first one that is loaded.
    @Test(.enabled(if: Sanitizer.active == nil)) func locksAreNotNeeded() throws {
        let job = try Self.job()
        _ = try job.finish("whole")
        let preload = try job.workspace.library("int flock(int f, int o) { errno = 37; return -1; }\n")
        let environment = ["LD_PRELOAD": preload]
        let programs = try [1, 2, 2].map {
            try job.workspace.start(
                arguments: job.arguments("out", ["--part", "\($0)/2"]), environment: environment)
        }
        for program in programs { #expect(try program.wait().status == 0) }
        // Two that join at once: one of them does, and the other one says that it is done.
        let joining = try (0..<2).map { _ in
            try job.workspace.start(arguments: job.arguments("out"), environment: environment)
        }
        let outcomes = try joining.map { try $0.wait() }
        #expect(outcomes.contains { $0.status == 0 }, "\(outcomes.map(\.errors))")
        #expect(outcomes.allSatisfy { [0, 66, 73, 74].contains($0.status) }, "\(outcomes.map(\.errors))")
        #expect(try job.difference("whole", "out") == nil)
    }

    @Test func tasksOfArraysKnowTheirShare() throws {
        let job = try Self.job(["npz"], ["--frames", ":6"])
        func run(_ environment: [String: String], _ more: String...) throws -> Program.Outcome {
            try job.workspace.run(job.arguments("out", ["--part", "auto"] + more), environment: environment)
        }
        let slurm = [
            "SLURM_ARRAY_TASK_MIN": "10", "SLURM_ARRAY_TASK_STEP": "5", "SLURM_ARRAY_TASK_COUNT": "4",
        ]
        let tasks: [(environment: [String: String], options: [String], share: String)] = [
            (slurm.merging(["SLURM_ARRAY_TASK_ID": "20"]) { $1 }, [], "3 of 4"),
            (slurm.merging(["SLURM_ARRAY_TASK_ID": "5"]) { $1 }, ["--parts", "9"], "5 of 9"),
            (["AWS_BATCH_JOB_ARRAY_INDEX": "0", "AWS_BATCH_JOB_ARRAY_SIZE": "2"], [], "1 of 2"),
            (["AWS_BATCH_JOB_ARRAY_INDEX": "6"], ["--parts", "7"], "7 of 7"),
            (["JOB_COMPLETION_INDEX": "1"], ["--parts", "3"], "2 of 3"),
        ]
        for task in tasks {
            let outcome = try job.workspace.run(
                job.arguments("out", ["--part", "auto"] + task.options), environment: task.environment)
            #expect(outcome.status == 0)
            #expect(outcome.errors.contains("vitvideo: part \(task.share): "), "\(outcome.errors)")
        }
        for (outcome, reason) in [
            (try run([:]), "--part auto is for the task of a job array"),
            (try run(["JOB_COMPLETION_INDEX": "0"]), "give --parts N"),
            (try run(["SLURM_ARRAY_TASK_ID": "x"]), "is no number"),
            (try run(["JOB_COMPLETION_INDEX": "3"], "--parts", "3"), "would be part 4 of 3"),
            (try job.workspace.run(job.arguments("out", ["--part", "0/3"])), "0/3"),
            (try job.workspace.run(job.arguments("out", ["--part", "4/3"])), "4/3"),
            (try job.workspace.run(job.arguments("out", ["--parts", "3"])), "--part auto"),
            (try job.workspace.run(["in.mp4", "-o", "x.mp4", "--part", "1/2"]), "--resume"),
        ] {
            #expect(outcome.status == 64 && outcome.errors.contains(reason), "\(outcome.errors)")
        }
    }
}
