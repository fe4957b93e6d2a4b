import Files
import Fixtures
import Foundation
import Testing

@Suite struct PrivateDirectoryTests {
    @Test func onlyTheOwnerLooksInAndTheEndLeavesNothing() throws {
        let parent = try TemporaryDirectory()
        let directory = try PrivateDirectory(in: parent.path)
        var status = stat()
        #expect(FileSystem.stat(directory.path, &status) == 0 && status.st_mode & 0o777 == 0o700)
        try Data("x".utf8).write(to: URL(fileURLWithPath: directory.path + "/upload"))
        directory.remove()
        #expect(try parent.contents.isEmpty)
    }

    @Test func theNextOneRemovesWhatAKilledProcessLeft() throws {
        let parent = try TemporaryDirectory()
        let left = ".vitvideo-1-abandoned.tmp"
        try FileManager.default.createDirectory(atPath: parent.file(left), withIntermediateDirectories: false)
        try parent.write("x".utf8, to: "\(left)/upload")
        let living = try PrivateDirectory(in: parent.path)
        let other = try PrivateDirectory(in: parent.path)
        #expect(try Set(parent.contents.map { parent.file($0) }) == [living.path, other.path])
        living.remove()
        other.remove()
    }
}
