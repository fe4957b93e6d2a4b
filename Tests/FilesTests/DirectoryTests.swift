import Base
import Fixtures
import Foundation
import Testing

@testable import Files

@Suite("Directories that appear when complete, and directories that are locked") struct DirectoryTests {
    let directory: TemporaryDirectory
    var path: String { directory.file("report") }

    init() throws { directory = try TemporaryDirectory() }

    private func make(_ path: String) throws -> AtomicDirectory {
        let made = try AtomicDirectory(path, overwrite: true) { _ in }
        try made.makeDirectory("figures")
        try made.write([1, 2], to: "figures/a")
        return made
    }

    @Test func itAppearsWhenComplete() throws {
        let made = try make(path + "/")
        #expect(try directory.contents.count == 1 && directory.contents[0].hasPrefix("."))
        try made.commit { _ in }
        #expect(try directory.contents == ["report"])
        #expect(FileManager.default.contents(atPath: path + "/figures/a") == Data([1, 2]))
        made.abandon()
        #expect(try directory.contents == ["report"])
    }

    @Test func whatIsThereIsReplacedWhole() throws {
        try make(path).commit { _ in }
        try directory.write([3], to: "report/old")
        let target = directory.file("target")
        try FileManager.default.moveItem(atPath: path, toPath: target)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "target")
        try make(path).commit { _ in }
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "target")
        #expect(try FileManager.default.contentsOfDirectory(atPath: target) == ["figures"])
        #expect(try directory.contents == ["report", "target"])
    }

    /// More than one piece, through a link, into a directory that is made.
    @Test func filesAreCopied() throws {
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try directory.write(bytes, to: "source")
        try FileManager.default.createSymbolicLink(
            atPath: directory.file("link"), withDestinationPath: "source")
        let made = try make(path)
        try made.copy(directory.file("link"), to: "deep/er/copy")
        // No file is copied over another one, and none that is not there.
        #expect(throws: VitvideoError.self) { try made.copy(directory.file("source"), to: "figures/a") }
        let absent = #expect(throws: VitvideoError.self) { try made.copy(directory.file("none"), to: "b") }
        #expect(absent?.kind == .noInput)
        try made.commit { _ in }
        #expect(FileManager.default.contents(atPath: path + "/deep/er/copy") == Data(bytes))
        #expect(FileManager.default.contents(atPath: path + "/figures/a") == Data([1, 2]))
    }

    /// As the parts of a batch do that begin at the same time.
    @Test func someMakeTheSameDirectoryAtOnce() async throws {
        for round in 0..<200 {
            let deep = directory.file("\(round)/a/b")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask { try FileSystem.makeDirectories(deep) }
                }
                try await group.waitForAll()
            }
            #expect(FileSystem.isDirectory(deep))
        }
        try directory.write([1], to: "file")
        let refused = #expect(throws: SystemError.self) {
            try FileSystem.makeDirectories(directory.file("file"))
        }
        #expect(refused?.code == EEXIST)
    }

    /// A process that ends at once removes what its other threads are still filling.
    @Test func itIsRemovedWhileItIsFilled() throws {
        let made = try make(path)
        let isRemoved = DispatchSemaphore(value: 0)
        let temporary = made.temporaryPath
        Thread {
            AtomicDirectory.remove(temporary)
            isRemoved.signal()
        }.start()
        var files = 0
        let error = #expect(throws: VitvideoError.self) {
            while true {
                try made.write([1], to: "figures/\(files)")
                files += 1
            }
        }
        #expect(error?.kind == .inputOutput)
        isRemoved.wait()
        made.abandon()
        #expect(try directory.contents == [])
    }

    @Test func theCallerRefusesAtBothEnds() throws {
        struct Refused: Error {}
        #expect(throws: Refused.self) { try AtomicDirectory(path, overwrite: true) { _ in throw Refused() } }
        let made = try make(path)
        #expect(throws: Refused.self) { try made.commit { _ in throw Refused() } }
        #expect(try directory.contents == [])
    }

    @Test func aDirectoryThatIsNotThereIsNamed() throws {
        let error = #expect(throws: VitvideoError.self) { try make(directory.file("none/report")) }
        #expect(error?.kind == .cannotCreate && error?.nextStep == .advice("create it first"))
    }

    @Test func oneProcessAtATime() throws {
        let first = try #require(try LockedDirectory.open(path))
        #expect(try LockedDirectory.open(path) == nil)
        withExtendedLifetime(first) {}
        // A file system without locks does not keep anyone from working.
        #expect(try withoutLocks(ENOLCK) { try LockedDirectory.open(path) } != nil)
        let file = try directory.write([], to: "file")
        #expect(throws: SystemError(code: ENOTDIR)) { try LockedDirectory.open(file + "/x") }
    }
}
