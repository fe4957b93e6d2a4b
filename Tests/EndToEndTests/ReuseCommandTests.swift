import Fixtures
import Foundation
import NumPy
import Testing

/// `--reuse`: what of a frame is taken over from the one before, on real footage with the default model.
@Suite struct ReuseCommandTests {
    static let frames = 150

    /// A still, and part of a clip moving over it: a camera that stands still.
    private static let clip = Result { () throws -> Data in
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-loop", "1", "-i", Workspace.frame("wide"), "-i", Workspace.bunny, "-filter_complex",
            "[1]crop=300:360:500:200,scale=30:36[a];[0]scale=448:308[b];"
                + "[b][a]overlay=x=2*n:y=120:eof_action=repeat,format=yuv420p", "-r", "25", "-frames:v",
            "\(frames)",
            "-c:v", "libx264", "-crf", "23", "in.mp4")
        return try workspace.bytes(of: "in.mp4")
    }

    private static func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try workspace.write(clip.get(), to: "in.mp4")
        return workspace
    }

    private static let options = ["--resolution", "168", "--precision", "fp32"]

    /// Runs and gives what was said.
    private static func export(
        _ workspace: Workspace, _ name: String, input: String = "in.mp4", _ more: String...
    ) throws -> (maps: AttentionExport, said: [String]) {
        let outcome = try workspace.run([input, "--export", name, "-y"] + options + more)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return (try AttentionExport(workspace.file(name)), outcome.errorLines)
    }

    /// What a line of the summary says: percent computed, mean and worst error.
    private static func told(_ lines: [String]) throws -> (percent: Int, mean: Double, worst: Double) {
        let line = try #require(lines.last { $0.contains(" % was computed; off by ") })
        let numbers = line.split { !$0.isNumber && $0 != "." }.compactMap { Double($0) }
        // …reuse: 31 % …; off by 0.4 of 255 on average, by 0.9 in the worst of 5 frames…
        try #require(numbers.count == 5)
        return (Int(numbers[0]), numbers[1], numbers[3])
    }

    /// The error of each frame in levels of 255, each map over its own range.
    private static func errors(_ found: AttentionExport, _ whole: AttentionExport) -> [Double] {
        (0..<whole.frames.count).map { frame in
            let (a, b) = (scaled(found.mean(frame: frame)), scaled(whole.mean(frame: frame)))
            return 255 * zip(a, b).reduce(0) { $0 + Double(abs($1.0 - $1.1)) } / Double(a.count)
        }
    }

    private static func scaled(_ map: [Float]) -> [Float] {
        let (least, most) = (map.min() ?? 0, map.max() ?? 1)
        return map.map { ($0 - least) / (most - least) }
    }

    @Test func theErrorToldIsTheErrorMade() throws {
        let workspace = try Self.workspace()
        let whole = try Self.export(workspace, "whole.npz").maps
        for levels in [1.0, 2] {
            let (found, said) = try Self.export(workspace, "reused.npz", "--reuse", "\(levels)")
            let errors = Self.errors(found, whole)
            let mean = errors.reduce(0, +) / Double(errors.count)
            let told = try Self.told(said)
            print("--reuse \(levels): \(mean), worst \(errors.max() ?? 0), told \(told)")
            #expect(mean > 0 && mean <= levels)
            #expect(abs(told.mean - mean) <= 0.3 * mean)
            #expect(told.percent < 70 && told.percent > 10)
            #expect(told.worst >= told.mean)
            // The first frame is computed whole.
            #expect(errors[0] == 0 && errors.contains { $0 > 0 })
        }
    }

    /// Neither threads, workers, parts nor segments of the usual length change a byte.
    @Test func theResultDependsOnTheClipAlone() throws {
        let workspace = try Self.workspace()
        let options = ["--resolution", "84", "--precision", "fp32"]
        func bytes(_ name: String, _ more: String...) throws -> Data {
            let outcome = try workspace.run(
                ["in.mp4", "--export", name, "-y", "--reuse", "1"] + options + more)
            try #require(outcome.status == 0, "\(outcome.errors)")
            return try workspace.bytes(of: name)
        }
        let plain = try bytes("plain.npz")
        #expect(try bytes("one.npz", "--threads", "1") == plain)
        #expect(try bytes("two.npz", "--threads", "4", "--workers", "2") == plain)
        #expect(try bytes("resumed.npz", "--resume") == plain)
        for part in ["2/2", "1/2"] {
            let outcome = try workspace.run(
                ["in.mp4", "--export", "parts.npz", "--reuse", "1", "--resume", "--part", part] + options)
            try #require(outcome.status == 0, "\(outcome.errors)")
        }
        #expect(try bytes("parts.npz", "--resume") == plain)
    }

    /// A cut is computed whole, and what comes after it is no worse than what came before.
    @Test func aCutBeginsAfresh() throws {
        let workspace = try Self.workspace()
        try workspace.ffmpeg(
            "-i", "in.mp4", "-i", Workspace.bunny, "-filter_complex",
            "[0]trim=end_frame=20,setpts=PTS-STARTPTS[a];[1]scale=448:308,trim=end_frame=10,setpts=PTS-STARTPTS,setsar=1[b];"
                + "[a]setsar=1[c];[c][b]concat=n=2", "-c:v", "libx264", "-crf", "18", "cut.mp4")
        let whole = try Self.export(workspace, "whole.npz", input: "cut.mp4").maps
        let found = try Self.export(workspace, "reused.npz", input: "cut.mp4", "--reuse", "1").maps
        let errors = Self.errors(found, whole)
        print("around a cut: \(errors)")
        #expect(errors[19] > 0 && errors[20] == 0)
        #expect(errors.reduce(0, +) / Double(errors.count) <= 1)
    }

    /// Every method that takes part, in one map or several.
    @Test(arguments: [
        ["--method", "layers"], ["--method", "qk"], ["--method", "features"], ["--query", "2,3"],
        ["--method", "similarity", "--query", "2,3"], ["--precision", "int8"],
    ]) func everyMethodKeepsItsPromise(_ more: [String]) throws {
        let workspace = try Self.workspace()
        let outcome = try workspace.run(
            ["in.mp4", "-o", "out.mp4", "--resolution", "168", "--reuse", "4", "--frames", ":40"] + more)
        guard outcome.status == 0 else {
            // Some CPUs do not have the precision, and say so.
            #expect(more.contains("int8") && outcome.errors.contains("natively"), "\(outcome.errors)")
            return
        }
        let told = try Self.told(outcome.errorLines)
        #expect(told.percent < 90 && told.mean <= 4, "\(more): \(told)")
    }

    @Test func numbersAreExactUnlessAsked() throws {
        let workspace = try Self.workspace()
        let cases: [(options: [String], isExact: Bool)] = [
            ([], true), (["--reuse", "off"], true), (["--reuse", "auto"], true), (["--reuse", "0.5"], false),
        ]
        var contents: [Data] = []
        for (options, isExact) in cases {
            let outcome = try workspace.run(
                ["in.mp4", "--export", "out.npz", "-y", "--frames", ":12"] + Self.options + options)
            #expect(outcome.status == 0 && outcome.errors.contains("reuse:") != isExact, "\(outcome.errors)")
            contents.append(try workspace.bytes(of: "out.npz"))
        }
        #expect(contents[1] == contents[0] && contents[2] == contents[0] && contents[3] != contents[0])
    }

    @Test func whatTakesNothingOverSaysSo() throws {
        let workspace = try Self.workspace()
        let refusals: [(arguments: [String], mention: String)] = [
            (
                ["in.mp4", "-o", "out.mp4", "--method", "rollout", "--reuse", "1"],
                "--method rollout computes every frame"
            ),
            (["in.mp4", "-o", "out.mp4", "--reuse", "0"], "0.05 to 16"),
            (["in.mp4", "-o", "out.mp4", "--reuse", "nan"], "0.05 to 16"),
            ([Workspace.frame("wide"), Workspace.frame("wide"), "-o", "%s.png", "--reuse", "1"], "--reuse"),
        ]
        for (arguments, mention) in refusals {
            let outcome = try workspace.run(arguments)
            #expect(outcome.status == 64 && outcome.errors.contains(mention), "\(outcome.errors)")
        }
        // Where nothing is asked for in numbers, other methods go on as they are.
        let outcome = try workspace.run(
            [
                "in.mp4", "-o", "out.mp4", "--method", "rollout", "--reuse", "auto", "--frames", ":2",
                "--resolution", "56",
            ])
        #expect(outcome.status == 0 && !outcome.errors.contains("reuse:"), "\(outcome.errors)")
    }

    /// What was taken over stands in the export.
    @Test func theExportTellsOfIt() throws {
        let workspace = try Self.workspace()
        let said = try Self.export(workspace, "out.npz", "--reuse", "1", "--frames", ":40").said
        let reader = try NPZReader(workspace.file("out.npz"))
        let text = try #require(try reader.array("meta").strings().first)
        let meta = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let told = try Self.told(said)
        #expect(meta["reuse_levels"] as? Double == 1)
        #expect(abs(try #require(meta["reuse_error_mean"] as? Double) - told.mean) <= 0.005)
        #expect(abs(try #require(meta["reuse_error_worst"] as? Double) - told.worst) <= 0.005)
        #expect(Int((100 * (try #require(meta["reuse_computed"] as? Double))).rounded()) == told.percent)
        #expect(try #require(meta["reuse_checked_frames"] as? Int) > 2)
    }
}
