import Base
import Fixtures
import Foundation
import Methods
import Pipeline
import Testing
import ViT
import VideoIO

@testable import Report

@Suite struct ReportJobTests {
    private static func page(_ directory: TemporaryDirectory, _ name: String = "report") throws -> String {
        try String(contentsOfFile: directory.file("\(name)/index.html"), encoding: .utf8)
    }

    @Test func picturesThatCannotBeUsedAreLeftOutAndSaid() throws {
        let directory = try TemporaryDirectory()
        let good = try directory.writePicture("good.png", height: 16, width: 16, seed: 1)
        let small = try directory.writePicture("small.png", height: 3, width: 16, seed: 2)
        let text = try directory.write("no picture".utf8, to: "text.png")
        let whole = try Data(contentsOf: URL(fileURLWithPath: good))
        let half = try directory.write(whole.prefix(whole.count / 2), to: "half.png")
        // A JPEG file that ends early still decodes, its lower part gray.
        try StillImage.write(
            TemporaryDirectory.noise(height: 64, width: 64, seed: 5), to: directory.file("whole.jpg"))
        let photo = try Data(contentsOf: URL(fileURLWithPath: directory.file("whole.jpg")))
        let cut = try directory.write(photo.prefix(photo.count * 3 / 4), to: "cut.jpg")
        var seen: [Int] = []
        let outcome = try makeReport(
            of: [text, small, good, half, cut, directory.file("gone.png")], by: [try .tiny("plain")],
            in: directory, ReportOptions(sections: ["distance", "heads"]), progress: { seen.append($0) })
        guard case .complete(let counts) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(counts.used == 1)
        #expect(counts.skipped.count == 5)
        for (reason, name) in zip(
            counts.skipped, ["text.png", "small.png", "half.png", "cut.jpg", "gone.png"])
        {
            #expect(reason.contains(name))
        }
        #expect(counts.skipped[1].hasSuffix("less than one 4×4 patch; raiseResolution"))
        #expect(seen == [1, 2, 3, 4, 5, 6])
        let page = try Self.page(directory)
        #expect(page.contains("1 picture of 6 used, 5 left out"))
        #expect(page.contains("small.png"))
    }

    @Test func withoutAnyUsablePictureThereIsNoReport() throws {
        let directory = try TemporaryDirectory()
        let text = try directory.write("no picture".utf8, to: "text.png")
        #expect {
            try makeReport(of: [text, text], by: [try .tiny("plain")], in: directory)
        } throws: {
            ($0 as? VitvideoError)?.kind == .badData && "\($0)".contains("none of 2 pictures")
        }
        #expect(try directory.contents == ["text.png"])
    }

    @Test func namesOfFilesAreNoMarkup() throws {
        let directory = try TemporaryDirectory()
        let name = "<script>alert('1')<-script>&\".png"
        let picture = try directory.writePicture(name, height: 16, width: 16, seed: 1)
        let broken = try directory.write([], to: "<b>&.png")
        _ = try makeReport(
            of: [picture, broken], by: [try .tiny("plain")], in: directory,
            ReportOptions(sections: ["distance", "heads"]))
        let page = try Self.page(directory)
        #expect(!page.contains("<script>alert") && !page.contains("<b>"))
        #expect(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;-script&gt;&amp;&quot;.png"))
        #expect(page.contains("&lt;b&gt;&amp;.png"))
    }

    /// Every section, two models, one of them without classes: what the page names is there, and nothing else.
    @Test func thePageNamesWhatIsThere() throws {
        let directory = try TemporaryDirectory()
        let paths = try (0..<3).map {
            try directory.writePicture("\($0).png", height: 16, width: 24, seed: UInt64($0))
        }
        let boxes = paths.map { "\($0),2,3,12,14,cat\n" }.joined()
        _ = try makeReport(
            of: paths, by: [try .tiny("supervised"), try .tiny("plain")], in: directory,
            ReportOptions(
                sections: Set(ReportSection.all.map(\.name)), figures: 2,
                settings: ReportSettings(discardRatios: [0.5], classes: 2),
                boxes: try BoxList(contentsOf: try directory.write(boxes.utf8, to: "boxes.csv"))))
        let page = try Self.page(directory)
        let named = Set(
            page.matches(of: /(?:src|href)="((?:figures|arrays)\/[^"]+)"/).map { String($0.output.1) })
        var files: Set<String> = []
        for folder in ["figures", "arrays"] {
            let names = try FileManager.default.contentsOfDirectory(
                atPath: directory.file("report/\(folder)"))
            files.formUnion(names.map { "\(folder)/\($0)" })
        }
        #expect(named == files.subtracting(["arrays/pictures.txt"]))
        for section in ReportSection.all {
            #expect(page.contains("<section id=\"\(section.name)\""))
        }
        #expect(page.contains("plain has no classifier"))
        #expect(page.matches(of: /<meter\s/).count == 4, "two classes of two pictures")
        #expect(!page.contains("http:") && !page.contains("https:"))
        let pictures = page.matches(of: /<img [^>]*>/).map { String($0.output) }
        #expect(pictures.count == files.count { $0.hasPrefix("figures/") })
        #expect(pictures.allSatisfy { $0.contains(/alt="[^"]{20,}"/) })
    }

    @Test func whatAReportHasUnasked() throws {
        let directory = try TemporaryDirectory()
        let boxes = try BoxList(contentsOf: try directory.write("a.png,0,0,1,1\n".utf8, to: "boxes.csv"))
        let all = Set(ReportSection.all.map(\.name))
        func names(_ options: ReportOptions) -> Set<String> { Set(options.sections.map(\.name)) }
        #expect(names(ReportOptions()) == all.subtracting(["background", "class-token", "neurons"]))
        #expect(names(ReportOptions(boxes: boxes)) == all.subtracting(["class-token", "neurons"]))
        #expect(names(ReportOptions(sections: all, boxes: boxes)) == all)
        #expect(ReportOptions(sections: ["neurons"], figures: 1).picturesRead(of: 7) == 7)
        #expect(ReportOptions(sections: ["heads"], figures: 1).picturesRead(of: 7) == 1)
        #expect(ReportOptions(sections: ["filters"], figures: 1).picturesRead(of: 7) == 0)
    }

    @Test func onlyAsManyPicturesAreReadAsAreShown() throws {
        let directory = try TemporaryDirectory()
        let broken = try directory.write([], to: "broken.png")
        let good = try directory.writePicture("good.png", height: 16, width: 16, seed: 1)
        let outcome = try makeReport(
            of: [broken, good, broken, broken], by: [try .tiny("plain")], in: directory,
            ReportOptions(sections: ["heads"], figures: 1))
        guard case .complete(let counts) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(counts.used == 1 && counts.skipped.count == 1)
    }

    @Test func aStopKeepsWhatIsDone() throws {
        let directory = try TemporaryDirectory()
        let paths = try (0..<40).map {
            try directory.writePicture("\($0).png", height: 16, width: 16, seed: UInt64($0))
        }
        let stop = StopRequest()
        let outcome = try makeReport(
            of: paths, by: [try .tiny("plain")], in: directory, ReportOptions(sections: ["distance"]),
            stop: stop, progress: { if $0 == 2 { stop.request() } })
        guard case .interrupted(let counts, let path?) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect((2..<40).contains(counts.used))
        #expect(path == directory.file("report.partial"))
        #expect(try Self.page(directory, "report.partial").contains("this is not the whole report"))
        #expect(!FileManager.default.fileExists(atPath: directory.file("report")))
    }

    @Test func aStopBeforeAnythingLeavesNothing() throws {
        let directory = try TemporaryDirectory()
        let picture = try directory.writePicture("a.png", height: 16, width: 16, seed: 1)
        let stop = StopRequest()
        stop.request()
        let outcome = try makeReport(
            of: [picture], by: [try .tiny("plain")], in: directory, stop: stop)
        #expect(outcome == .interrupted(PictureCounts(), partialPath: nil))
        #expect(try directory.contents == ["a.png"])
    }

    @Test func whatAModelDoesNotHaveIsRefusedAtOnce() throws {
        let directory = try TemporaryDirectory()
        #expect(throws: VitvideoError.noSuchHead(3, heads: 3)) {
            try makeReport(
                of: [], by: [try .tiny("plain")], in: directory,
                ReportOptions(settings: ReportSettings(head: 3)))
        }
        #expect(throws: VitvideoError.noSuchBlock(3, depth: 3)) {
            try makeReport(
                of: [], by: [try .tiny("plain")], in: directory,
                ReportOptions(settings: ReportSettings(layer: 3)))
        }
        #expect(try directory.contents == [])
    }
}
