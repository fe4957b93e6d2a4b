import Base
import Files
import Fixtures
import Foundation
import Pipeline
import Testing
import VideoIO

@testable import Report

@Suite struct FileTests {
    private static func refusal(_ body: () throws -> Void) -> VitvideoError? {
        let error = #expect(throws: VitvideoError.self, performing: body)
        #expect(error?.kind == .cannotCreate)
        return error
    }

    @Test func aReportAppearsWhenComplete() throws {
        let directory = try TemporaryDirectory()
        let report = try OutputDirectory(directory.file("new/"), .report, overwrite: false)
        try report.write(Array("<p>".utf8), to: "index.html")
        #expect(!FileManager.default.fileExists(atPath: directory.file("new")))
        try report.commit()
        #expect(try directory.contents == ["new"])
        #expect(
            try String(contentsOfFile: directory.file("new/index.html"), encoding: .utf8) == "<p>")
    }

    @Test func onlyAReportIsReplacedAndOnlyOnDemand() throws {
        let directory = try TemporaryDirectory()
        let page = ReportDirectory.mark + " 0\">"
        for name in ["old", "photos"] {
            try FileManager.default.createDirectory(
                atPath: directory.file(name), withIntermediateDirectories: false)
        }
        try directory.write(page.utf8, to: "old/index.html")
        try directory.write("mine".utf8, to: "photos/index.html")
        try directory.write([], to: "file")
        func make(_ name: String, overwrite: Bool) throws {
            let report = try OutputDirectory(directory.file(name), .report, overwrite: overwrite)
            try report.write([], to: "new.txt")
            try report.commit()
        }
        #expect(Self.refusal { try make("old", overwrite: false) } == .existsAlready(directory.file("old")))
        #expect(Self.refusal { try make("photos", overwrite: true) }?.reason.contains("no report") == true)
        #expect(Self.refusal { try make("file", overwrite: true) }?.reason.contains("a file") == true)
        #expect(
            Self.refusal { try make("nowhere/report", overwrite: false) }?.reason.contains("no directory")
                == true)
        try make("old", overwrite: true)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory.file("old")) == ["new.txt"])
        #expect(try directory.contents == ["file", "old", "photos"])
    }

    @Test func whatIsAbandonedIsGone() throws {
        let directory = try TemporaryDirectory()
        let report = try OutputDirectory(directory.file("report"), .report, overwrite: false)
        try report.makeDirectory("figures")
        #expect(try directory.contents.count == 1)
        report.abandon()
        #expect(try directory.contents == [])
        // Its lock is free: as a killed run would leave it.
        try FileManager.default.createDirectory(
            atPath: directory.file(".vitvideo-report-1-x.tmp/figures"), withIntermediateDirectories: true)
        try OutputDirectory(directory.file("report"), .report, overwrite: false).abandon()
        #expect(try directory.contents == [])
    }

    @Test func directoriesGiveTheirPicturesInOrder() throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: directory.file("a/b"), withIntermediateDirectories: true)
        for name in ["a/2.JPG", "a/1.png", "a/b/0.webp", "a/.hidden.png", "a/notes.txt", "single.xyz"] {
            try directory.write([], to: name)
        }
        #expect(
            try PictureList.paths(of: [directory.file("single.xyz"), directory.file("a")])
                == ["single.xyz", "a/1.png", "a/2.JPG", "a/b/0.webp"].map(directory.file))
        try FileManager.default.createDirectory(
            atPath: directory.file("empty"), withIntermediateDirectories: false)
        for name in ["gone.png", "empty"] {
            #expect {
                try PictureList.paths(of: [directory.file(name)])
            } throws: {
                ($0 as? VitvideoError)?.kind == .noInput && "\($0)".contains(name)
            }
        }
    }
}
