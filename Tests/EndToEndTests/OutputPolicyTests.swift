import Fixtures
import Foundation
import Testing

/// One policy for everything that the program writes (`AtomicFile` states it): links are followed, only
/// regular files are replaced, what is there stays without `--overwrite`, and file systems without locks are
/// tolerated.
@Suite struct OutputPolicyTests {
    /// A kind of output and how it is made under a name.
    struct Output: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let name: String
        /// Arguments; `$name` stands for the output's name, `$weights` for the default model's weights.
        let arguments: String
        /// A directory: what is there before is an empty one.
        var isDirectory = false
        /// The reason why a named pipe is refused.
        var refusal = "it is not a regular file"
        /// Whether it is made only where there is none, unless `-y` is given.
        var asksToOverwrite = true

        /// Where the output is made, of the name in `arguments`.
        var madeName: String { asksToOverwrite ? name : Self.places[testDescription] ?? name }

        private static let places = [
            "cache": "cache/dinov2_vits14.safetensors", "segments": "out.mkv.resume",
        ]
    }

    private static func job(_ name: String, _ option: String, _ file: String) -> Output {
        Output(
            testDescription: name, name: file,
            arguments: "$clip --frames :1 --resolution 56 $tiny \(option) $name")
    }

    private static let zarr: Output = {
        var output = job("zarr", "--export", "out.zarr")
        output.isDirectory = true
        output.refusal = "it is a file, and a Zarr group is a directory; name another"
        return output
    }()

    static let outputs = [
        job("video", "-o", "out.mp4"), job("GIF", "-o", "out.gif"), job("picture", "-o", "out.png"),
        job("arrays", "--export", "out.npz"), job("safetensors", "--export", "out.safetensors"),
        zarr, job("table", "--stats", "out.csv"),
        job("plot", "--plot", "out.svg"), job("mask", "--masks", "out.png"),
        job("COCO", "--coco", "out.json"),
        Output(
            testDescription: "report", name: "report",
            arguments: "probe $picture --resolution 56 --figures 1 -o $name", isDirectory: true,
            refusal: "it is a file, and a report is a directory; name another"),
        Output(
            testDescription: "cache", name: "cache/dinov2_vits14.safetensors",
            arguments: "models import $weights --as dinov2_vits14", asksToOverwrite: false),
        Output(
            testDescription: "segments", name: "out.mkv",
            arguments: "$clip --frames :1 --resolution 56 $tiny -o $name --resume", isDirectory: true,
            refusal: "Not a directory", asksToOverwrite: false),
    ]

    /// A file in an output that is a directory.
    private static let files = ["report": "index.html", "zarr": "attention/0.0.0.0"]

    /// Runs the command that makes an output, with `-y` where it takes that.
    private func run(
        _ output: Output, overwriting: Bool = true, environment: [String: String] = [:],
        in workspace: Workspace
    ) throws -> Program.Outcome {
        let arguments = try output.arguments.split(separator: " ").flatMap { word in
            switch word {
            case "$clip": [Workspace.bikes]
            case "$tiny": MethodCommandTests.tiny
            case "$picture": [Workspace.frame("full")]
            case "$weights": [try workspace.modelPath()]
            case "$name": [output.name]
            default: [String(word)]
            }
        }
        var environment = environment
        if output.testDescription == "cache" { environment["VITVIDEO_CACHE"] = workspace.file("cache") }
        return try workspace.run(
            arguments + (overwriting && output.asksToOverwrite ? ["-y"] : []), environment: environment)
    }

    /// A directory with the folders that outputs are made in.
    private func workspace() throws -> Workspace {
        let workspace = try Workspace()
        for folder in ["cache", "elsewhere"] {
            try FileManager.default.createDirectory(
                atPath: workspace.file(folder), withIntermediateDirectories: false)
        }
        return workspace
    }

    private func hidden(in workspace: Workspace) throws -> [String] {
        try ["", "/cache", "/elsewhere"].flatMap {
            try FileManager.default.contentsOfDirectory(atPath: workspace.path + $0)
        }.filter { $0.hasPrefix(".") }
    }

    @Test(arguments: outputs) func linksAreFollowed(_ output: Output) throws {
        let workspace = try workspace()
        let target = workspace.file("elsewhere/target")
        if output.isDirectory {
            try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
        } else {
            try workspace.write("old".utf8, to: "elsewhere/target")
        }
        let link = workspace.file(output.madeName)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)

        if output.asksToOverwrite {
            let refused = try run(output, overwriting: false, in: workspace)
            #expect(refused.status == 73)
            #expect(
                refused.errors
                    == "vitvideo: cannot create \(target): it exists already; use --overwrite to replace it\n"
            )
        }
        let outcome = try run(output, in: workspace)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
        if let file = Self.files[output.testDescription] {
            #expect(FileManager.default.fileExists(atPath: target + "/" + file))
        } else if !output.isDirectory {
            #expect(try workspace.size(of: "elsewhere/target") > 20)
        }
        #expect(try hidden(in: workspace) == [])
    }

    /// A link to nothing stays, and what it leads to is made, on demand only.
    @Test(arguments: outputs) func linksToNothingGetTheirTarget(_ output: Output) throws {
        let workspace = try workspace()
        let target = workspace.file("elsewhere/target")
        let link = workspace.file(output.madeName)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
        if output.asksToOverwrite {
            let refused = try run(output, overwriting: false, in: workspace)
            #expect(refused.status == 73)
            #expect(
                refused.errors
                    == "vitvideo: cannot create \(output.name): it exists already, as a link to nothing; "
                    + "use --overwrite to create what it leads to\n")
            #expect(!FileManager.default.fileExists(atPath: target))
        }
        let outcome = try run(output, in: workspace)
        if output.testDescription == "segments" {
            #expect(outcome.status == 73 && outcome.errors.contains("No such file"), "\(outcome.errors)")
        } else {
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(FileManager.default.fileExists(atPath: target))
        }
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
        #expect(try hidden(in: workspace) == [])
    }

    @Test(arguments: outputs) func onlyRegularFilesAreReplaced(_ output: Output) throws {
        let workspace = try workspace()
        let pipe = workspace.file(output.madeName)
        try #require(mkfifo(pipe, 0o600) == 0)
        let outcome = try run(output, in: workspace)
        #expect(outcome.status == 73)
        #expect(outcome.errorLines.count == 1 && outcome.errors.contains(output.refusal), "\(outcome.errors)")
        var status = stat()
        #expect(lstat(pipe, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
        #expect(try hidden(in: workspace) == [])
    }

    /// The content is on the disk before it has its name, and then the name. A sanitizer's library has to be the first
    /// one that is loaded.
    @Test(.enabled(if: Sanitizer.active == nil), arguments: outputs)
    func contentIsOnTheDiskBeforeTheName(_ output: Output) throws {
        let workspace = try workspace()
        let log = workspace.file("calls")
        let preload = try workspace.library(
            """
            #include <dlfcn.h>
            #include <fcntl.h>
            #include <stdio.h>
            #include <unistd.h>
            static void note(const char *call, const char *from, const char *to) {
                char line[9000];
                int length = snprintf(line, sizeof line, "%s\\t%s\\t%s\\n", call, from, to);
                int log = open("\(log)", O_WRONLY | O_CREAT | O_APPEND, 0666);
                (void)!write(log, line, length);
                close(log);
            }
            int fsync(int f) {
                char link[64], path[4096];
                snprintf(link, sizeof link, "/proc/self/fd/%d", f);
                ssize_t length = readlink(link, path, sizeof path - 1);
                path[length > 0 ? length : 0] = 0;
                note("fsync", path, "");
                return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(f);
            }
            int rename(const char *from, const char *to) {
                note("rename", from, to);
                return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename"))(from, to);
            }
            """)
        let outcome = try run(output, environment: ["LD_PRELOAD": preload], in: workspace)
        #expect(outcome.status == 0, "\(outcome.errors)")

        // Paths as the program writes them are relative to its directory, those of descriptors are not.
        let root = URL(fileURLWithPath: workspace.path).resolvingSymlinksInPath().path
        func whole(_ path: Substring) -> String {
            URL(fileURLWithPath: String(path), relativeTo: URL(fileURLWithPath: root + "/"))
                .standardizedFileURL.resolvingSymlinksInPath().path
        }
        let calls = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: "\t", omittingEmptySubsequences: false)
        }
        let named =
            output.testDescription == "segments" ? "\(output.madeName)/segment-000000" : output.madeName
        let renaming = try #require(
            calls.firstIndex { $0[0] == "rename" && whole($0[2]) == "\(root)/\(named)" }, "\(calls)")
        let (temporary, folder) = (whole(calls[renaming][1]), (named as NSString).deletingLastPathComponent)
        func synced(_ path: String, in part: ArraySlice<[Substring]>) -> Bool {
            part.contains { $0[0] == "fsync" && String($0[1]) == path }
        }
        #expect(synced(temporary, in: calls[..<renaming]), "\(calls)")
        if let file = Self.files[output.testDescription] {
            #expect(synced(temporary + "/" + file, in: calls[..<renaming]), "\(calls)")
        }
        #expect(synced(folder.isEmpty ? root : "\(root)/\(folder)", in: calls[renaming...]), "\(calls)")
    }

    /// A sanitizer's library has to be the first one that is loaded.
    @Test(.enabled(if: Sanitizer.active == nil), arguments: outputs)
    func locksAreNotNeeded(_ output: Output) throws {
        let workspace = try workspace()
        let preload = try workspace.library("int flock(int f, int o) { errno = 37; return -1; }\n")
        let outcome = try run(output, environment: ["LD_PRELOAD": preload], in: workspace)
        #expect(outcome.status == 0, "\(outcome.errors)")
        if output.testDescription != "segments" {
            #expect(FileManager.default.fileExists(atPath: workspace.file(output.madeName)))
        }
        let warns = ["video", "GIF", "picture", "mask", "segments"].contains(output.testDescription)
        #expect(outcome.errors.contains("no locks") == warns, "\(outcome.errors)")
        #expect(try hidden(in: workspace) == [])
    }
}
