import Fixtures
import Foundation
import NumPy
import Testing

/// `vitvideo neuron --examples` on the command line, against the maps that `--method neuron` exports.
@Suite struct NeuronExampleTests {
    private static let settings = Trial.model + ["--resolution", "56", "--quiet"]

    /// A clip of 20 frames in two seconds and a directory of three pictures, all different.
    private static func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "mandelbrot=size=96x64:rate=10", "-frames:v", "20", "-c:v", "ffv1",
            "clip.mkv")
        try FileManager.default.createDirectory(
            atPath: workspace.file("photos"), withIntermediateDirectories: false)
        for (name, picture) in [("a", "testsrc"), ("b", "smptebars"), ("c", "testsrc2")] {
            try workspace.ffmpeg(
                "-f", "lavfi", "-i", "\(picture)=size=80x60", "-frames:v", "1", "photos/\(name).png")
        }
        return workspace
    }

    /// What a frame does to a neuron.
    private struct Response {
        let file: String
        let frame: Int
        let seconds: Double
        /// Mean over the patches, of each neuron asked for.
        let means: [Double]
    }

    private static func responses(_ neurons: String, in workspace: Workspace) throws -> [Response] {
        try ["clip.mkv", "photos/a.png", "photos/b.png", "photos/c.png"].flatMap { file -> [Response] in
            let outcome = try workspace.run(
                [file, "--export", "maps.npz", "-y", "--method", "neuron", "--neuron", neurons] + settings)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let archive = try NPZReader(workspace.file("maps.npz"))
            let array = try archive.array("neuron")
            let values = try array.floats()
            let (count, cells) = (array.shape[1], array.shape[2] * array.shape[3])
            return try zip(archive.array("frame").int64s(), archive.array("time").doubles()).enumerated().map
            {
                place, frame in
                Response(
                    file: file, frame: Int(frame.0), seconds: frame.1,
                    means: (0..<count).map { neuron in
                        let start = (place * count + neuron) * cells
                        return values[start..<start + cells].reduce(0) { $0 + Double($1) } / Double(cells)
                    })
            }
        }
    }

    private static func rows(_ name: String, in workspace: Workspace) throws -> [[String]] {
        String(decoding: try workspace.bytes(of: name), as: UTF8.self).split(separator: "\n")
            .map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    }

    @Test func examplesAreTheFramesThatExciteMost() throws {
        let workspace = try Self.workspace()
        let outcome = try workspace.run(
            [
                "neuron", "0:3,1:7", "--examples", "clip.mkv,photos", "--top", "3", "--apart", "0.5", "-o",
                "sheet.png", "--stats", "best.csv",
            ] + Self.settings)
        #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
        let responses = try Self.responses("0:3,1:7", in: workspace)
        var expected: [[String]] = []
        for (place, neuron) in ["0:3", "1:7"].enumerated() {
            var taken: [Response] = []
            for response in responses.sorted(by: { $0.means[place] > $1.means[place] }) where taken.count < 3
            {
                let isCopy = taken.contains {
                    $0.file == response.file && abs($0.seconds - response.seconds) < 0.5
                }
                if !isCopy { taken.append(response) }
            }
            expected += taken.enumerated().map { [neuron, "\($0 + 1)", $1.file, "\($1.frame)"] }
        }
        let rows = try Self.rows("best.csv", in: workspace)
        #expect(rows.first == ["neuron", "rank", "file", "frame", "time", "mean"])
        #expect(rows.dropFirst().map { Array($0.prefix(4)) } == expected)
        #expect(Set(expected.map { $0[2] }).count > 1, "examples of several files")
        let width = try MediaProbe(workspace.file("sheet.png")).size().split(separator: "x").compactMap {
            Int($0)
        }
        #expect(width[0] > 3 * 2 * 60)
    }

    /// One file that cannot be used is not the end: it is named, with what would help.
    @Test(arguments: [
        ("strip", "170x2", "56", "--resolution 52 would fit, and --allow-huge-frames"),
        ("dot", "3x3", "native", "less than one 4×4 patch"),
    ]) func whatCannotBeUsedIsLeftOutAndNamed(
        name: String, size: String, resolution: String, reason: String
    ) throws {
        let workspace = try Self.workspace()
        try workspace.ffmpeg("-f", "lavfi", "-i", "testsrc2=size=\(size)", "-frames:v", "1", "\(name).png")
        let command =
            ["neuron", "0:3", "-o", "sheet.png", "-y", "--stats", "best.csv", "--resolution", resolution]
            + Trial.model
        func files() throws -> [String] {
            try Self.rows("best.csv", in: workspace).dropFirst().map { $0[2] }
        }
        let outcome = try workspace.run(command + ["--examples", "\(name).png,photos/a.png"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try files() == ["photos/a.png"])
        let warnings = outcome.errorLines.filter { $0.contains("left out: cannot use \(name).png: ") }
        #expect(warnings.count == 1 && warnings[0].contains(reason), "\(outcome.errors)")
        guard name == "strip" else { return }
        let allowed = try workspace.run(command + ["--examples", "strip.png", "--allow-huge-frames"])
        #expect(allowed.status == 0, "\(allowed.errors)")
        #expect(try files() == ["strip.png"])
        let cramped = try workspace.run(
            command + ["--examples", "strip.png", "--allow-huge-frames", "--budget-memory", "1M"])
        #expect(cramped.status == 65 && cramped.errors.contains("take"), "\(cramped.errors)")
    }

    @Test func aLayerIsRankedBySelectivity() throws {
        let workspace = try Self.workspace()
        let outcome = try workspace.run(
            [
                "neuron", "--layer", "1", "--examples", "clip.mkv", "--examples", "photos", "-o", "ranked",
                "--show", "2", "--steps", "3",
            ] + Self.settings)
        #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: workspace.file("ranked")).sorted()
                == ["neurons.csv", "neurons.png"])
        let rows = try Self.rows("ranked/neurons.csv", in: workspace)
        #expect(rows[0] == ["neuron", "sparsity", "mean", "file", "frame", "time", "best_mean"])
        let ranked = rows.dropFirst().compactMap { Double($0[1]) }
        #expect(ranked.count > 20 && zip(ranked, ranked.dropFirst()).allSatisfy { $0 >= $1 })
        #expect((ranked.first ?? 0) > (ranked.last ?? 1) + 0.01)
        let chosen = [1, 20, rows.count - 1].map { rows[$0] }
        let responses = try Self.responses(chosen.map { $0[0] }.joined(separator: ","), in: workspace)
        let n = Double(responses.count)
        for (place, row) in chosen.enumerated() {
            let r = responses.map { max(0, $0.means[place]) }
            let (mean, square) = (r.reduce(0, +) / n, r.reduce(0) { $0 + $1 * $1 } / n)
            let sparsity = (1 - mean * mean / square) / (1 - 1 / n)
            if let found = Double(row[1]) { #expect(abs(found - sparsity) < 1e-4, "\(row)") }
            #expect(abs((Double(row[2]) ?? .nan) - mean) < 1e-4 * max(1, mean), "\(row)")
            let best = try #require(responses.max { $0.means[place] < $1.means[place] })
            #expect(row[3] == best.file && row[4] == "\(best.frame)", "\(row)")
        }
    }

    @Test(arguments: [
        ("0:3 --examples gone.mp4 -o a.png", 66, "gone.mp4"),
        ("0:3 --examples empty -o a.png", 66, "no pictures"),
        ("0:3 --examples text.png -o a.png", 65, "not one frame"),
        ("0:3 --examples photos --top 0 -o a.png", 64, "--top"),
        ("0:3 --examples - -o a.png", 64, "standard input"),
        ("0:999999 --examples photos -o a.png", 64, "there is no neuron 999999"),
        ("--layer 99 --examples photos -o a", 64, "99"),
        ("--layer 1 -o a", 64, "--examples"),
        ("--examples photos -o a.png", 64, "--layer"),
        ("0:3 --layer 1 --examples photos -o a", 64, "--layer"),
        ("0:3 --examples photos -o a.mp4", 64, "a.mp4"),
        ("--layer 1 --examples photos -o photos", 73, "photos"),
        ("0:3 --examples photos --export a.npz -o a.png", 64, "--export"),
    ]) func badInputIsOneLine(words: String, status: Int32, reason: String) throws {
        let workspace = try Self.workspace()
        try FileManager.default.createDirectory(
            atPath: workspace.file("empty"), withIntermediateDirectories: false)
        try workspace.write("no picture".utf8, to: "text.png")
        let before = try workspace.contents
        let outcome = try workspace.run(
            ["neuron"] + words.split(separator: " ").map(String.init) + Trial.model + ["--resolution", "56"])
        #expect(outcome.status == status, "\(outcome.errors)")
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
        #expect(outcome.errorLines.count { $0.hasPrefix("vitvideo: ") && !$0.contains("warning") } == 1)
        #expect(try workspace.contents == before)
    }
}
