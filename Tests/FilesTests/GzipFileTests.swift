import Base
import Fixtures
import Foundation
import Testing

@testable import Files

@Suite struct GzipFileTests {
    /// "hello " 50,000 times, as gzip packs it.
    private func packed(in directory: TemporaryDirectory) throws -> (path: String, content: [UInt8]) {
        let content = [UInt8](String(repeating: "hello ", count: 50_000).utf8)
        let plain = directory.file("a.txt")
        try Data(content).write(to: URL(fileURLWithPath: plain))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/gzip")
        process.arguments = [plain]
        try process.run()
        process.waitUntilExit()
        return (plain + ".gz", content)
    }

    @Test func aPackedFileIsUnpacked() throws {
        let directory = try TemporaryDirectory()
        let (path, content) = try packed(in: directory)
        #expect(try GzipFile.contents(of: path, limit: content.count) == content)
        let error = try #require(throws: VitvideoError.self) {
            try GzipFile.contents(of: path, limit: content.count - 1)
        }
        #expect(error.kind == .badData && error.path == path)
    }

    @Test func anotherFileIsTakenAsItIs() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("b")
        try Data("abc".utf8).write(to: URL(fileURLWithPath: path))
        #expect(try GzipFile.contents(of: path, limit: 3) == Array("abc".utf8))
        #expect(throws: VitvideoError.self) { try GzipFile.contents(of: path, limit: 2) }
    }

    @Test(arguments: [5, 200]) func aCutOneIsRefused(count: Int) throws {
        let directory = try TemporaryDirectory()
        let path = try packed(in: directory).path
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path)).prefix(count)
        try bytes.write(to: URL(fileURLWithPath: path))
        let error = try #require(throws: VitvideoError.self) {
            try GzipFile.contents(of: path, limit: 1 << 20)
        }
        #expect(error.kind == .badData && error.reason.contains("gzip"))
    }
}
