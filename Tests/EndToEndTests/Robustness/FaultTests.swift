import Fixtures
import Foundation
import NumPy
import Testing

extension Robustness {
    /// A machine that fails under the program: nothing incomplete is ever found under an output's name.
    @Suite struct Faults {
        /// A clip of 60 frames that takes a moment.
        private static func clip(in workspace: Workspace, frames: Int = 60) throws {
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25", "-f", "lavfi", "-i", "sine=duration=2",
                "-frames:v", String(frames), "-shortest", "-c:v", "libx264", "-c:a", "aac", "in.mp4")
        }

        /// What a disk can be too small for, and which of them a limit stops.
        static let outputs = [
            "-o out.mp4", "-o out.mkv", "-o out.webm", "-o out.gif", "-o out.mov --codec mpeg4",
            "-o out.png --frames :1",
            "-o out-%d.png", "--export out.npz", "-o out.mp4 --export out.npz", "--stats out.csv",
            "--plot out.svg", "--plot out.png", "--masks out-%d.png", "--coco out.json",
            "--masks out-%d.png --coco out.json", "--export out.safetensors", "--export out.zarr",
            "propagate -o out.mp4", "propagate --masks out-%05d.png", "propagate --coco out.json",
            "propagate --masks out-%05d.png --coco out.json", "propagate --export out.npz",
        ]

        private static func arguments(for output: String) -> [String] {
            var words = output.split(separator: " ").map(String.init) + Trial.model
            guard words[0] == "propagate" else { return ["in.mp4"] + words + ["--resolution", "28"] }
            words.removeFirst()
            return ["propagate", "in.mp4", "--point", "80px,60px", "--resolution", "48"] + words
        }

        /// Removes all but the clip.
        ///
        /// - Returns: the files and their lengths in bytes.
        private static func takeOutputs(of workspace: Workspace) throws -> [String: Int] {
            let files = try workspace.files(under: ".").filter { $0 != "./in.mp4" }
            let sizes = try files.map { ($0, try workspace.size(of: $0)) }
            for name in try workspace.contents where name != "in.mp4" {
                try FileManager.default.removeItem(atPath: workspace.file(name))
            }
            return Dictionary(uniqueKeysWithValues: sizes)
        }

        /// `RLIMIT_FSIZE` makes every write beyond it fail, as a full disk does.
        @Test(
            .enabled(if: Sanitizer.bearsFileSizeLimit), arguments: RobustnessTable.choose(outputs, short: 8))
        func diskFull(_ output: String) throws {
            let workspace = try Workspace()
            try Self.clip(in: workspace)
            let arguments = Self.arguments(for: output)
            let whole = try workspace.run(arguments)
            let sizes = try Self.takeOutputs(of: workspace)
            try #require(whole.status == 0 && !sizes.isEmpty, "\(whole.errors)")
            // In blocks of 512 bytes.
            for blocks in [0, 1, 4] {
                tryCase("faults: disk full") {
                    let outcome = try workspace.limited("ulimit -f \(blocks)", arguments)
                    let left = try Self.takeOutputs(of: workspace)
                    if outcome.status == 0 {
                        // Small enough after all.
                        return left == sizes ? nil : "\(output), \(blocks) blocks: \(left) of \(sizes)"
                    }
                    if ![73, 74].contains(outcome.status) {
                        return "\(output), \(blocks) blocks: exit code \(outcome.status); \(outcome.errors)"
                    }
                    if outcome.errorLines.count != 1 { return outcome.errors }
                    return left.isEmpty ? nil : "\(output), \(blocks) blocks: left \(left)"
                }
            }
        }

        @Test(.enabled(if: Sanitizer.bearsFileSizeLimit)) func cacheFull() throws {
            let workspace = try Workspace()
            let weights = try workspace.modelPath()
            for blocks in [0, 8, 50_000] {
                tryCase("faults: disk full") {
                    let outcome = try workspace.limited(
                        "export VITVIDEO_CACHE=\(workspace.path)/cache; ulimit -f \(blocks)",
                        ["models", "import", weights, "--as", "dinov2_vits14"])
                    return refusalFault(
                        outcome, codes: [73, 74], written: try workspace.files(under: "cache"))
                }
            }
        }

        @Test func twoImportsOfOneModel() throws {
            let workspace = try Workspace()
            let arguments = ["models", "import", try workspace.modelPath(), "--as", "dinov2_vits14"]
            tryCase("faults: two imports of one model") {
                let cache = ["VITVIDEO_CACHE": workspace.file("cache")]
                let programs = try (0..<2).map { _ in
                    try workspace.start(arguments: arguments, environment: cache)
                }
                let outcomes = try programs.map { try $0.wait() }
                guard outcomes.allSatisfy({ $0.status == 0 }) else { return "\(outcomes)" }
                let check = try workspace.run(["models", "verify", "dinov2_vits14"], environment: cache)
                guard check.status == 0 else { return check.errors }
                let files = try workspace.files(under: "cache")
                return files.allSatisfy { !$0.contains("tmp") && !$0.contains("part") }
                    ? nil : "left \(files)"
            }
        }

        @Test(arguments: [
            "-o out/clip.mp4", "-o out/f-%d.png", "--export out/maps.npz", "--stats out/maps.csv",
        ])
        func outputDirectoryRemoved(_ output: String) throws {
            let workspace = try Workspace()
            try Self.clip(in: workspace)
            try FileManager.default.createDirectory(
                atPath: workspace.file("out"), withIntermediateDirectories: false)
            tryCase("faults: output directory removed") {
                let program = try workspace.start(
                    arguments: ["in.mp4", "--progress", "json", "--resolution", "56"] + Trial.model
                        + output.split(separator: " ").map(String.init))
                _ = try program.nextErrorLine()
                // Renamed first: what is being emptied may get a new file meanwhile.
                try FileManager.default.moveItem(
                    atPath: workspace.file("out"), toPath: workspace.file("removed"))
                try FileManager.default.removeItem(atPath: workspace.file("removed"))
                let outcome = try program.wait()
                guard [73, 74].contains(outcome.status) else {
                    return "\(output): exit code \(outcome.status); \(outcome.errors)"
                }
                guard let last = outcome.errorLines.last, last.hasPrefix("vitvideo: cannot ") else {
                    return outcome.errors
                }
                return try workspace.contents == ["in.mp4"] ? nil : "left \(try workspace.contents)"
            }
        }

        @Test func inputPipeClosed() throws {
            let workspace = try Workspace()
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-frames:v", "40", "-c:v", "libx264",
                "in.mkv")
            let size = try workspace.size(of: "in.mkv")
            for part in RobustnessTable.choose([0, 1, 3, 10, 25, 50, 75, 90, 99], short: 3) {
                tryCase("faults: input pipe closed") {
                    let outcome = try workspace.shell(
                        "head -c \(size * part / 100) in.mkv | exec \"$0\" - --export out.npz -y \"$@\"",
                        arguments: Trial.model + ["--resolution", "28"])
                    switch outcome.status {
                    case 0:
                        let frames = try NPZReader(workspace.file("out.npz")).array("frame").shape[0]
                        return frames == 40 || outcome.errors.contains("ends early")
                            ? nil : "\(part) %: \(frames) frames and not a word; \(outcome.errors)"
                    case 65: return outcome.errorLines.count == 1 ? nil : outcome.errors
                    default: return "\(part) %: exit code \(outcome.status); \(outcome.errors)"
                    }
                }
            }
            tryCase("faults: input pipe closed") {
                let outcome = try workspace.shell(
                    "exec \"$0\" - --export closed.npz \"$@\" <&-", arguments: Trial.model)
                return outcome.status == 65 || outcome.status == 66 ? nil : "exit code \(outcome.status)"
            }
        }

        @Test func standardErrorClosed() throws {
            let workspace = try Workspace()
            try Self.clip(in: workspace, frames: 10)
            for redirection in ["2>&-", "2>/dev/full", "2>&- >&-"] {
                tryCase("faults: standard error closed") {
                    let outcome = try workspace.shell(
                        "exec \"$0\" in.mp4 -y -o out.mp4 --export out.npz --progress json \"$@\" \(redirection)",
                        arguments: Trial.model + ["--resolution", "28"])
                    guard outcome.status == 0 else { return "\(redirection): exit code \(outcome.status)" }
                    guard try MediaProbe(workspace.file("out.mp4")).frameTimes().count == 10 else {
                        return "\(redirection): the video lacks frames"
                    }
                    return try NPZReader(workspace.file("out.npz")).array("frame").shape[0] == 10
                        ? nil : "\(redirection): the export lacks frames"
                }
            }
        }

        /// Two runs to one name: without `-y` one of them says that the name is taken; either way a whole file.
        @Test(arguments: [false, true]) func twoRunsToOneOutput(overwrites: Bool) throws {
            let workspace = try Workspace()
            try Self.clip(in: workspace, frames: 20)
            for _ in 0..<(RobustnessTable.isThorough ? 10 : 2) {
                tryCase("faults: two runs to one output") {
                    for name in ["out.mp4", "out.npz"] {
                        try? FileManager.default.removeItem(atPath: workspace.file(name))
                    }
                    let arguments =
                        ["in.mp4", "-o", "out.mp4", "--export", "out.npz", "--resolution", "28"] + Trial.model
                        + (overwrites ? ["-y"] : [])
                    let programs = try (0..<2).map { _ in try workspace.start(arguments: arguments) }
                    let outcomes = try programs.map { try $0.wait() }
                    let statuses = outcomes.map(\.status).sorted()
                    let allowed = overwrites ? [[0, 0]] : [[0, 0], [0, 73], [73, 73]]
                    guard allowed.contains(statuses.map { Int($0) }) else {
                        return "exit codes \(statuses); \(outcomes.map(\.errors))"
                    }
                    if !overwrites, statuses == [0, 0] { return "one run replaced what the other had made" }
                    guard
                        try workspace.contents.allSatisfy({ ["in.mp4", "out.mp4", "out.npz"].contains($0) })
                    else {
                        return "left \(try workspace.contents)"
                    }
                    return try workspace.incompleteOutput(frames: 20)
                }
            }
        }
    }
}

extension Workspace {
    /// Runs `vitvideo` in a shell after `setting`, such as a limit.
    func limited(_ setting: String, _ arguments: [String]) throws -> Program.Outcome {
        try shell("\(setting); exec \"$0\" \"$@\"", arguments: arguments)
    }

    /// Where the default model lies, which `make test` puts there.
    func modelPath() throws -> String {
        let outcome = try run(["models", "path", "dinov2_vits14"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        return outcome.output.trimmingCharacters(in: .newlines)
    }

    /// Regular files below a directory of this one; none where there is no such directory.
    func files(under directory: String) throws -> [String] {
        let names =
            FileManager.default.enumerator(atPath: file(directory))?.compactMap { $0 as? String } ?? []
        return try names.map { "\(directory)/\($0)" }.filter {
            try FileManager.default.attributesOfItem(atPath: file($0))[.type] as? FileAttributeType
                == .typeRegular
        }
    }

    /// What is wrong with `out.mp4` and `out.npz`, where they are; nil where nothing is.
    func incompleteOutput(frames: Int) throws -> String? {
        if try size(of: "out.mp4") > 0 {
            let count = try MediaProbe(file("out.mp4")).frameTimes().count
            if count != frames { return "out.mp4 has \(count) frames of \(frames)" }
        }
        if try size(of: "out.npz") > 0 {
            let count = try NPZReader(file("out.npz")).array("frame").shape[0]
            if count != frames { return "out.npz has \(count) frames of \(frames)" }
        }
        return nil
    }
}
