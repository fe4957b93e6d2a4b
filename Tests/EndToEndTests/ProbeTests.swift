import Foundation
import NumPy
import Testing

/// `vitvideo probe` with the default model.
@Suite struct ProbeTests {
    /// Two frames and a file that is none, lists of boxes, and an empty directory.
    static func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try FileManager.default.createDirectory(
            atPath: workspace.file("photos"), withIntermediateDirectories: false)
        for (name, clip) in [("a", Workspace.bunny), ("b", Workspace.bikes)] {
            try workspace.ffmpeg("-i", clip, "-frames:v", "1", "photos/\(name).png")
        }
        try workspace.write("no picture".utf8, to: "photos/c.jpg")
        for (name, rows) in [
            ("boxes", "path,x0,y0,x1,y1,label\na.png,200,100,900,600,cat\nd.png,0,0,5,5,cat\n"),
            ("wide", "a.png,0,0,5000,10,cat\n"), ("flat", "a.png,5,0,5,10,cat\n"),
            ("other", "d.png,0,0,5,10,cat\n"),
        ] {
            try workspace.write(rows.utf8, to: "photos/\(name).csv")
        }
        try FileManager.default.createDirectory(
            atPath: workspace.file("photos/none"), withIntermediateDirectories: false)
        return workspace
    }

    @Test func aReportOnADirectory() throws {
        let workspace = try Self.workspace()
        let outcome = try workspace.run(
            [
                "probe", "photos", "-o", "report/", "--resolution", "56", "--figures", "1", "--progress",
                "json",
            ])
        #expect(outcome.status == 0)
        #expect(outcome.errorLines.contains { $0.contains("left out") && $0.contains("photos/c.jpg") })
        #expect(outcome.errorLines.last == "vitvideo: 2 of 3 pictures used, 1 left out")
        #expect(try workspace.contents == ["photos", "report"])
        let page = String(decoding: try workspace.bytes(of: "report/index.html"), as: UTF8.self)
        for file in page.matches(of: /(?:src|href)="((?:figures|arrays)\/[^"]+)"/).map(\.output.1) {
            #expect(FileManager.default.fileExists(atPath: workspace.file("report/\(file)")), "\(file)")
        }
        #expect(page.contains("dinov2_vits14 has no classifier"))
        #expect(!page.contains("http:") && !page.contains("https:"))
        let archive = try NPZReader(workspace.file("report/arrays/distance-dinov2_vits14.npz"))
        #expect(try archive.array("per_picture").shape == [2, 12, 6])
        let size = try MediaProbe(workspace.file("report/figures/heads-1-dinov2_vits14.png")).size()
        // Three heads wide, of 7×4 patches of 14 pixels, and two gaps of 4.
        #expect(size.hasPrefix("\(3 * 98 + 8)x"))
    }

    /// What can be wrong, with the exit code, and nothing left behind.
    @Test(arguments: [
        FailureTests.Case(65, "photos/c.jpg -o report", "photos/c.jpg"),
        FailureTests.Case(66, "gone.png -o report", "gone.png"),
        FailureTests.Case(64, "-o report", "no pictures"),
        FailureTests.Case(64, "photos/a.png", "--output"),
        FailureTests.Case(64, "photos/a.png -o report --only heads,moods", "--only"),
        FailureTests.Case(64, "photos/a.png -o report --discard-ratios 1", "discard ratio"),
        FailureTests.Case(64, "photos/a.png -o report --layer 12", "layer 12"),
        FailureTests.Case(64, "photos/a.png -o report --qk-head 6", "head 6"),
        FailureTests.Case(64, "photos/a.png -o report --head 3", "--qk-head 3", "./3"),
        FailureTests.Case(64, "photos/a.png -o report --resume", "--resume"),
        FailureTests.Case(64, "photos/a.png -o report --segment-frames 8", "--segment-frames"),
        FailureTests.Case(66, "photos/none -o report", "photos/none", "no pictures"),
        FailureTests.Case(64, "photos/a.png -o report --only background", "--boxes FILE"),
        FailureTests.Case(
            64, "photos/a.png -o report --only heads --boxes photos/boxes.csv", "--boxes is for"),
        FailureTests.Case(64, "photos/a.png -o report --boxes -", "--boxes reads a file"),
        FailureTests.Case(66, "photos/a.png -o report --boxes gone.csv", "gone.csv", "No such file"),
        FailureTests.Case(65, "photos/a.png -o report --boxes photos/c.jpg", "photos/c.jpg", "line 1"),
        FailureTests.Case(
            65, "photos/a.png -o report --boxes photos/flat.csv", "flat.csv", "line 1", "x1 (5)"),
        FailureTests.Case(65, "photos/a.png -o report --boxes photos/other.csv", "other.csv", "'d.png'"),
        FailureTests.Case(
            65, "photos/a.png -o report --only background --resolution 56 --boxes photos/wide.csv",
            "wide.csv",
            "line 1", "outside the picture", "photos/a.png is 1280 pixels wide"),
        FailureTests.Case(
            64, "photos/a.png -o report --boxes photos/boxes.csv --labels imagenet",
            "no classifier for --labels"),
        FailureTests.Case(73, "photos/a.png -y -o photos", "no report"),
        FailureTests.Case(73, "photos/a.png -o nowhere/report", "nowhere/report"),
    ])
    func refusals(_ item: FailureTests.Case) throws {
        let workspace = try Self.workspace()
        let outcome = try workspace.run(["probe"] + item.arguments.split(separator: " ").map(String.init))
        #expect(outcome.status == item.status, "\(outcome.errors)")
        let line = try #require(outcome.errorLines.last)
        for mention in item.mentions { #expect(line.contains(mention), "\(line)") }
        #expect(try workspace.contents == ["photos"])
    }

    /// Labels are classes by their names where these are known, and else only by their numbers.
    @Test func aLabelThatNoClassHas() throws {
        let workspace = try Self.workspace()
        try workspace.write((0..<11).map { "kind \($0)\n" }.joined().utf8, to: "photos/names.txt")
        let arguments =
            ["probe", "photos/a.png", "-o", "report", "--only", "background", "--boxes", "photos/boxes.csv"]
            + MethodCommandTests.tiny + ["--resolution", "48"]
        for (more, mention) in [
            ([], "name them with --labels FILE"),
            (["--labels", "photos/names.txt"], "no class is called 'cat'"),
        ] {
            let outcome = try workspace.run(arguments + more)
            #expect(outcome.status == 65 && outcome.errorLines.count == 1, "\(outcome.errors)")
            let line = try #require(outcome.errorLines.last)
            #expect(line.contains("photos/boxes.csv: line 2: ") && line.contains(mention), "\(line)")
            #expect(try workspace.contents == ["photos"])
        }
    }

    /// The experiments on two frames, one of them with a box; what of the boxes is not used is told.
    @Test func theExperiments() throws {
        let workspace = try Self.workspace()
        let outcome = try workspace.run(
            [
                "probe", "photos/a.png", "photos/b.png", "-o", "report", "--resolution", "56", "--only",
                "globalization,class-token,background,neurons", "--boxes", "photos/boxes.csv",
            ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
            outcome.errorLines.contains(
                "vitvideo: warning: photos/boxes.csv: 1 box is of a picture that is not given, the first of 'd.png'"
            ), "\(outcome.errors)")
        let page = String(decoding: try workspace.bytes(of: "report/index.html"), as: UTF8.self)
        #expect(page.contains("dinov2_vits14, 1 of 2 pictures with a box"))
        let background = try NPZReader(workspace.file("report/arrays/background-dinov2_vits14.npz"))
        let cosines = try background.array("cosine").doubles()
        #expect(cosines.count == 3 && cosines[0] == 1 && cosines[1] < 0.95 && cosines[2] < 0.95)
        let divided = try NPZReader(workspace.file("report/arrays/class-token-dinov2_vits14.npz"))
        #expect(try divided.array("cosine").shape == [2, 13])
        let figures = try FileManager.default.contentsOfDirectory(atPath: workspace.file("report/figures"))
        #expect(figures.count == 1 + 1 + 1 + 12, "\(figures)")
    }

    /// What does not fit is refused before a picture is measured; what the message says would fit does.
    @Test(arguments: ["heads", "rollout"]) func theMemoryBudgetNamesTheResolutionThatFits(section: String)
        throws
    {
        let workspace = try Self.workspace()
        let arguments =
            [
                "probe", "photos/b.png", "-o", "report", "--only", section, "--discard-ratios", "0,0.5",
                "--workers", "1", "--budget-memory", "20M",
            ] + MethodCommandTests.tiny
        let refused = try workspace.run(arguments + ["--resolution", "480", "--allow-huge-frames"])
        #expect(refused.status == 64 && refused.errorLines.count == 1, "\(refused.errors)")
        #expect(try workspace.contents == ["photos"])
        let match = try #require(refused.errors.firstMatch(of: /--resolution (\d+) would fit/))
        let side = try #require(Int(match.1))
        #expect(side > 4 && side < 480)
        let taken = try workspace.run(arguments + ["--resolution", String(side), "--allow-huge-frames"])
        #expect(taken.status == 0, "\(taken.errors)")
    }

    /// `--verbose` says what runs and where the time went, as it does for a video.
    @Test func verboseSaysWhatRuns() throws {
        let workspace = try Self.workspace()
        let outcome = try workspace.run(
            [
                "probe", "photos/a.png", "photos/b.png", "-o", "report", "--only", "heads", "--resolution",
                "48", "--workers", "1", "--threads", "1", "-v",
            ] + MethodCommandTests.tiny)
        #expect(outcome.status == 0)
        let lines = outcome.errorLines
        try #require(lines.count == 8, "\(lines)")
        #expect(lines[0] == "report: 2 pictures")
        #expect(lines[1].contains(": short side 48 px, patch 4, width 36, 3 layers of 3 heads, 1 worker, "))
        #expect(lines[1].hasSuffix(", fp32"))
        #expect(lines[2].contains("family vit (option), mean 0.5 (family)"))
        #expect(lines[3].contains(/^2 pictures in [\d.]+ s, [\d.]+ a second$/))
        #expect(lines[4].hasPrefix("  decode ") && lines[5].hasPrefix("  inference "))
        #expect(lines[6].hasPrefix("  draw and write ") && lines[7].hasPrefix("  bottleneck: "))
    }

    @Test func whatNeedsNoPictureAsksForNone() throws {
        let workspace = try Workspace()
        try workspace.succeed("probe", "-o", "report", "--only", "filters,positions")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: workspace.file("report/figures")).sorted()
                == [
                    "filters-dinov2_vits14.png", "positions-dinov2_vits14-patches.png",
                    "positions-dinov2_vits14.png",
                ])
    }

    /// The first interrupt keeps what is done under a name that says so.
    @Test func anInterruptKeepsAPartialReport() throws {
        let workspace = try Self.workspace()
        try workspace.ffmpeg("-i", Workspace.bikes, "photos/f%03d.png")
        let program = try workspace.start(
            "probe", "photos", "-o", "report", "--only", "distance", "--resolution", "56", "--progress",
            "json")
        _ = try #require(try program.nextErrorLine())
        program.send(SIGINT)
        let outcome = try program.wait()
        #expect(outcome.status == 130)
        #expect(try workspace.contents == ["photos", "report.partial"])
        #expect(outcome.errorLines.last?.contains("report.partial") == true)
    }
}
