import Fixtures
import Foundation
import Testing

/// Everything that can be wrong with inputs and outputs: the exit code, one line that names the culprit, and
/// nothing left behind.
@Suite struct FailureTests {
    /// What is wrong, and what is said of it. `$clip` stands for a clip that is fine,
    /// `$tiny` for a small model with 11 classes.
    struct Case: CustomTestStringConvertible, Sendable {
        let status: Int32
        let arguments: String
        let mentions: [String]

        init(_ status: Int32, _ arguments: String, _ mentions: String...) {
            (self.status, self.arguments, self.mentions) = (status, arguments, mentions)
        }

        var testDescription: String { "\(arguments) → \(status)" }
    }

    /// The files that the cases name, besides which nothing may be in the directory afterwards.
    static func workspace(with arguments: String = "") throws -> Workspace {
        let workspace = try Workspace()
        try workspace.write([], to: "empty.mp4")
        try workspace.write("Once upon a time\n".utf8, to: "text.mp4")
        try workspace.write("no weights\n".utf8, to: "bad.safetensors")
        try workspace.write("kept".utf8, to: "taken.mp4")
        try workspace.write("kept".utf8, to: "taken.npz")
        try FileManager.default.createDirectory(
            atPath: workspace.file("folder"), withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: workspace.file("link.mp4"), withDestinationPath: "nothing.mp4")
        if arguments.contains("sound.m4a") {
            try workspace.ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", "sound.m4a")
        }
        if arguments.contains("half.mp4") {
            // The first half of an MP4 whose index is at its end.
            let clip = try Data(contentsOf: URL(fileURLWithPath: Workspace.bunny))
            try workspace.write(clip.prefix(clip.count / 2), to: "half.mp4")
        }
        return workspace
    }

    static let inputs = [
        Case(65, "empty.mp4 -o out.mp4", "empty.mp4", "empty"),
        Case(65, "text.mp4 -o out.mp4", "text.mp4"),
        Case(65, "half.mp4 -o out.mp4", "half.mp4"),
        Case(65, "sound.m4a -o out.mp4", "sound.m4a", "no video"),
        Case(64, "folder -o out.mp4", "folder is pictures", "'%s.png'"),
        Case(66, "missing.mp4 -o out.mp4", "missing.mp4", "No such file"),
        Case(66, "missing-%03d.png -o out.mp4", "missing-%03d.png"),
        Case(66, "modles -o out.mp4", "modles", "No such file", "annotate", "models"),
        Case(66, "text.mp4/clip.mp4 -o out.mp4", "text.mp4/clip.mp4", "Not a directory"),
        Case(65, "- -o out.mp4", "standard input"),
    ]

    static let outputs = [
        Case(73, "$clip -o taken.mp4", "taken.mp4", "--overwrite"),
        Case(73, "$clip -o link.mp4", "link.mp4", "link to nothing"),
        Case(73, "$clip --export taken.npz", "taken.npz", "--overwrite"),
        Case(73, "$clip -o out.mp4 --export taken.npz", "taken.npz", "--overwrite"),
        Case(73, "$clip -o nowhere/out.mp4", "nowhere/out.mp4"),
        Case(73, "$clip --export nowhere/out.npz", "nowhere/out.npz"),
        Case(73, "$clip -o text.mp4/out.mp4", "text.mp4/out.mp4"),
        Case(73, "$clip --export text.mp4/out.npz", "text.mp4/out.npz"),
        Case(73, "$clip -o out.mp4 --export nowhere/out.npz", "nowhere/out.npz"),
        Case(73, "$clip -o /proc/out.mp4", "/proc/out.mp4"),
        Case(73, "$clip -y -o /dev/null/out.mp4", "/dev/null/out.mp4"),
        Case(64, "$clip -o out.avi", "out.avi", "mkv"),
        Case(64, "$clip -o out", "out", "extension"),
        Case(64, "$clip --export out.csv", ".npz, .safetensors or .zarr", "--stats out.csv"),
        Case(64, "$clip --export out.h5", ".npz, .safetensors or .zarr", "'out.h5'"),
        Case(64, "$clip --export maps", ".npz, .safetensors or .zarr", "'maps'"),
        Case(64, "$clip --export out.npz --dtype int8", "--dtype", "float32", "float16"),
        Case(64, "$clip --stats out.csv --dtype float16", "--dtype float16", "--export"),
        Case(73, "$clip --export taken.npz/out.zarr", "taken.npz/out.zarr"),
        Case(73, "$clip --export nowhere/out.zarr", "nowhere/out.zarr"),
        Case(64, "$clip -o out.png", "one picture", "out-%04d.png"),
        Case(64, "$clip -o out.jpg --frames 4:6 --model nonsense", "one picture"),
    ]

    static let models = [
        Case(64, "$clip -o out.mp4 --model nonsense", "nonsense", "dinov2_vits14"),
        Case(65, "$clip -o out.mp4 --weights bad.safetensors", "bad.safetensors"),
        Case(65, "$clip -o out.mp4 --weights sound.m4a", "sound.m4a"),
        Case(66, "$clip -o out.mp4 --weights missing.safetensors", "missing.safetensors"),
        Case(64, "$clip -o out.mp4 --model dino_vits16 --weights bad.safetensors", "--model", "--weights"),
        Case(64, "$clip -o out.mp4 --layer 12", "12", "0 to 11"),
        Case(64, "$clip -o out.mp4 --layer -13", "-13"),
        Case(64, "$clip -o out.mp4 --heads 0,6", "head 6", "0 to 5"),
        Case(64, "$clip -o out.mp4 --resolution 9", "--resolution"),
    ]

    static let usage = [
        Case(64, "$clip", "-o", "--export"),
        Case(64, "model list", "no command 'model'", "annotate", "models", "probe"),
        Case(64, "$clip -o out.mp4 --nonsense", "--nonsense"),
        Case(64, "$clip another.mp4 -o out.mp4", "a list of 2", "names one output"),
        Case(64, "$clip -o", "-o"),
        Case(64, "$clip -o out.mp4 --view nonsense", "nonsense", "side-by-side"),
        Case(64, "$clip -o out.mp4 --heads 1,x", "1,x"),
        Case(64, "$clip -o out.mp4 --heads 1,1", "1,1"),
        Case(64, "$clip -o out.mp4 --fusion median", "median", "mean"),
        Case(64, "$clip -o out.mp4 --alpha 1.1", "--alpha"),
        Case(64, "$clip -o out.mp4 --colormap jet", "jet", "inferno"),
        Case(64, "$clip -o out.mp4 --interpolation lanczos", "lanczos", "bicubic"),
        Case(64, "$clip -o out.mp4 --scale 2:1", "2:1"),
        Case(64, "$clip -o out.mp4 --scale loud", "loud", "smooth"),
        Case(64, "$clip -o out.mp4 --threshold 0", "--threshold"),
        Case(64, "$clip -o out.mp4 --resolution big", "big"),
        Case(64, "$clip -o out.mp4 --workers 0", "--workers"),
        Case(64, "$clip -o out.mp4 --codec nonsense", "nonsense", "h264"),
        Case(64, "$clip -o out.mp4 --preset nonsense", "nonsense", "veryfast"),
        Case(64, "$clip -o out.mp4 --crf 64", "--crf"),
        Case(64, "$clip -o out.mp4 --progress loud", "loud", "json"),
        Case(64, "$clip -o out.mp4 --quiet --verbose", "--quiet", "--verbose"),
        Case(64, "$clip -o out.mp4 --num-heads 6", "--num-heads", "--weights"),
        Case(64, "$clip -o out.mp4 --frames 5", "'5'"),
        Case(64, "$clip -o out.mp4 --frames a:b", "'a:b'"),
        Case(64, "$clip -o out.mp4 --frames ::0", "step"),
        Case(64, "$clip -o out.mp4 --frames :9 -t 1", "--frames"),
        Case(64, "$clip -o out.mp4 -ss noon", "noon"),
        Case(64, "$clip -o out.mp4 -ss 2 -to 1", "empty"),
        Case(64, "$clip -o out.mp4 -to 1 -t 1", "-to", "-t"),
    ]

    static let methods = [
        Case(64, "$clip -o out.mp4 --method loudest", "loudest", "gradient-rollout"),
        Case(64, "$clip -o out.mp4 --method layers --view overlay", "overlay", "grid"),
        Case(64, "$clip -o out.mp4 --method qk --panel heatmap", "heatmap", "grid"),
        Case(64, "$clip -o out.mp4 --method features --view mask", "mask", "features"),
        Case(64, "$clip -o out.mp4 --method rollout --layer 3", "--layer", "attention", "rollout"),
        Case(64, "$clip -o out.mp4 --method rollout --fusion max", "--fusion", "--head-fusion"),
        Case(64, "$clip -o out.mp4 --head-fusion max", "--head-fusion", "--fusion"),
        Case(64, "$clip -o out.mp4 --method rollout --query 1,2", "--query"),
        Case(64, "$clip -o out.mp4 --method layers --channel 2", "--channel", "qk"),
        Case(64, "$clip -o out.mp4 --class 3", "--class", "gradient-rollout"),
        Case(64, "$clip -o out.mp4 --query here", "here", "ROW,COL"),
        Case(64, "$clip -o out.mp4 --query 900,2", "900,2", "rows"),
        Case(64, "$clip -o out.mp4 --query 640px,10px", "640px,10px", "640×272"),
        Case(64, "$clip -o out.mp4 --method rollout --discard-ratio 1", "discard ratio"),
        Case(
            64, "$clip -o out.mp4 --method rollout --compat keras --head-fusion max", "Keras",
            "nothing; leave out --head-fusion and --discard-ratio, or --compat keras"),
        Case(64, "$clip -o out.mp4 --method rollout --compat timm", "timm", "vit-explain"),
        Case(
            64, "$clip -o out.mp4 --method gradient-rollout --compat keras $tiny",
            "vitvideo: Keras's example has no gradient rollout; leave out --compat keras\n"),
        Case(
            64, "$clip -o out.mp4 --method gradient-rollout --compat vit-explain --head-fusion max $tiny",
            "by their mean; leave out --head-fusion or --compat vit-explain\n"),
        Case(64, "$clip -o out.mp4 --method gradient-rollout", "no classifier", "--head"),
        Case(64, "$clip -o out.mp4 --method rollout --head 3", "--head 3"),
        Case(64, "$clip -o out.mp4 --method layers --head 3 --heads 1", "--heads"),
        Case(64, "$clip -o out.mp4 --method layers --head 6", "head 6", "0 to 5"),
        Case(64, "$clip -o out.mp4 --method qk --heads 1,2", "one head"),
        Case(64, "$clip -o out.mp4 --method qk --channel 64", "channel 64", "0 to 63"),
        Case(
            64,
            "$clip -o out.mp4 --method rollout --discard-ratio 0.9 --resolution 32000 --allow-huge-frames -q",
            "--resolution",
            "would fit", "--discard-ratio"),
        Case(64, "$clip -o out.mp4 --method features --resolution 32000", "would fit"),
        Case(
            64,
            "$clip --export out.npz --method gradient-rollout --resolution 32000 --allow-huge-frames -q $tiny",
            "would fit"),
        Case(64, "$clip -o out.mp4 --method gradient-rollout --class 11 $tiny", "class 11", "0 to 10"),
        Case(64, "$clip -o out.mp4 --method gradient-rollout --class zebra $tiny", "zebra", "--labels"),
    ]

    @Test(arguments: inputs + outputs + models + usage + methods) func oneLineAndNothingElse(_ failure: Case)
        throws
    {
        let workspace = try Self.workspace(with: failure.arguments)
        let before = try workspace.contents
        let outcome = try workspace.run(
            failure.arguments.split(separator: " ").flatMap { word in
                switch word {
                case "$clip": [Workspace.bikes]
                case "$tiny": MethodCommandTests.tiny
                default: [String(word)]
                }
            })
        #expect(outcome.status == failure.status)
        #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.hasPrefix("vitvideo: ") && outcome.errors.hasSuffix("\n"))
        for text in failure.mentions {
            #expect(outcome.errors.contains(text), "\(outcome.errors) does not mention \(text)")
        }
        #expect(outcome.output == "")
        #expect(try workspace.contents == before)
        #expect(try workspace.bytes(of: "taken.mp4") == Data("kept".utf8))
        #expect(try workspace.bytes(of: "taken.npz") == Data("kept".utf8))
    }

    @Test func aModelThatIsNotThereIsUnavailable() throws {
        let workspace = try Workspace()
        let outcome = try workspace.run(
            [Workspace.bikes, "-o", "out.mp4", "--offline"],
            environment: [
                "VITVIDEO_CACHE": workspace.file("none"), "TORCH_HOME": workspace.path,
                "HF_HOME": workspace.path,
            ])
        #expect(outcome.status == 69)
        #expect(outcome.errorLines.count == 1)
        #expect(outcome.errors.contains("dinov2_vits14") && outcome.errors.contains(workspace.file("none")))
        #expect(try workspace.contents == [])
    }

    /// A file cut short gives the frames it has.
    @Test func aCutFileGivesWhatItHas() throws {
        let workspace = try Workspace()
        try workspace.ffmpeg("-i", Workspace.bikes, "-c", "copy", "-movflags", "faststart", "whole.mp4")
        let clip = try workspace.bytes(of: "whole.mp4")
        try workspace.write(clip.prefix(clip.count / 8), to: "cut.mp4")
        let outcome = try workspace.run(
            ["cut.mp4", "-o", "out.mp4", "--export", "out.npz", "--resolution", "56"])
        #expect(outcome.status == 0)
        #expect(!outcome.errorLines.isEmpty)
        #expect(outcome.errorLines.allSatisfy { $0.hasPrefix("vitvideo: warning: cut.mp4 ") })
        let frames = try AttentionExport(workspace.file("out.npz")).frames
        #expect((10..<200).contains(frames.count))
        #expect(frames == Array(0..<frames.count))
        #expect(outcome.errors.contains("\(frames.count) frames"))
        let whole = try MediaProbe(Workspace.bikes).frameTimes()
        #expect(try MediaProbe(workspace.file("out.mp4")).frameTimes() == Array(whole.prefix(frames.count)))
    }

    @Test func overwritingReplacesBothOutputs() throws {
        let workspace = try Self.workspace()
        try workspace.succeed(
            Workspace.bikes, "-y", "-o", "taken.mp4", "--export", "taken.npz", "--frames", ":2",
            "--resolution",
            "56")
        #expect(try MediaProbe(workspace.file("taken.mp4")).frameTimes().count == 2)
        #expect(try AttentionExport(workspace.file("taken.npz")).frames == [0, 1])
    }

    /// A disk that is full half-way: 74, and the file that was there stays.
    @Test(.enabled(if: Sanitizer.bearsFileSizeLimit)) func aFullDiskIsAnErrorOfTheOutput() throws {
        let workspace = try Self.workspace()
        // A limit on the size of files fails writes as a full disk does; the signal it also sends is ignored.
        let outcome = try workspace.shell(
            "trap '' XFSZ; ulimit -f 200; exec \"$0\" \"$@\"", Workspace.bikes, "-y", "-o", "taken.mp4",
            "--resolution", "56")
        #expect(outcome.status == 74)
        #expect(outcome.errorLines.count == 1 && outcome.errors.contains("taken.mp4"))
        #expect(try workspace.bytes(of: "taken.mp4") == Data("kept".utf8))
        #expect(try workspace.contents.filter { $0.hasPrefix(".") } == [])
    }
}
