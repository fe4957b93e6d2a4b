import Base
import CFlock
import Fixtures
import Foundation
import Testing

@testable import Files

/// The policy of `AtomicFile`, rule by rule.
@Suite("Files that appear when complete") struct AtomicFileTests {
    let directory: TemporaryDirectory
    var path: String { directory.file("out.bin") }

    init() throws { directory = try TemporaryDirectory() }

    private func content(_ name: String) throws -> String {
        try String(contentsOfFile: directory.file(name), encoding: .utf8)
    }

    private func write(_ text: String, to path: String, overwrite: Bool = false) throws {
        let file = try AtomicFile(path, overwrite: overwrite)
        try file.write(text)
        try file.commit()
    }

    private func refusal(overwrite: Bool = false, of path: String) -> VitvideoError? {
        #expect(throws: VitvideoError.self) { try AtomicFile(path, overwrite: overwrite) }
    }

    private static func refused(_ path: String, _ reason: String, _ nextStep: NextStep?) -> VitvideoError {
        VitvideoError(.cannotCreate, cannot: "create", path: path, reason: reason, nextStep: nextStep)
    }

    @Test func itAppearsWhenComplete() throws {
        let file = try AtomicFile(path, overwrite: false)
        try file.write("whole ")
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        try file.write(long)
        try file.write([Float(1.5)])
        #expect(try directory.contents.count == 1 && directory.contents[0].hasPrefix("."))
        try file.commit()
        #expect(try directory.contents == ["out.bin"])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(bytes == Data("whole ".utf8) + Data(long) + Data([0, 0, 0xc0, 0x3f]))
        // Every other ending after the first does nothing.
        file.abandon()
        try file.commit()
        #expect(try directory.contents == ["out.bin"])
    }

    @Test func whatIsAbandonedIsGone() throws {
        var file: AtomicFile? = try AtomicFile(path, overwrite: false)
        try file?.write("x")
        file?.abandon()
        #expect(try directory.contents == [])
        file = try AtomicFile(path, overwrite: false)
        #expect(try directory.contents.count == 1)
        file = nil
        #expect(try directory.contents == [])
    }

    @Test func takenNamesAreRefusedUnlessReplaced() throws {
        try directory.write("old".utf8, to: "out.bin")
        #expect(refusal(of: path) == .existsAlready(path))
        #expect(try content("out.bin") == "old")
        try write("new", to: path, overwrite: true)
        #expect(try content("out.bin") == "new")
        #expect(try directory.contents == ["out.bin"])
    }

    @Test func whatAppearsMeanwhileIsKept() throws {
        let file = try AtomicFile(path, overwrite: false)
        try directory.write("other".utf8, to: "out.bin")
        #expect(throws: Self.refused(path, "a file of this name appeared meanwhile", .overwrite)) {
            try file.commit()
        }
        #expect(try content("out.bin") == "other")
        #expect(try directory.contents == ["out.bin"])
        // Another name is the program's own: what is there is replaced.
        try directory.write("left".utf8, to: "out.partial.bin")
        let second = try AtomicFile(directory.file("second"), overwrite: false)
        try second.write("partial")
        try second.commit(as: directory.file("out.partial.bin"))
        #expect(try content("out.partial.bin") == "partial")
    }

    @Test func linksAreFollowed() throws {
        try FileManager.default.createDirectory(
            atPath: directory.file("elsewhere"), withIntermediateDirectories: false)
        try directory.write("old".utf8, to: "elsewhere/target")
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "elsewhere/target")
        let file = try AtomicFile(path, overwrite: true)
        #expect(file.temporaryPath.contains("/elsewhere/"), "beside the target, perhaps on another disk")
        try file.write("new")
        try file.commit()
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "elsewhere/target")
        #expect(try content("elsewhere/target") == "new")
        #expect(refusal(of: path)?.reason == "it exists already")
        #expect(try directory.contents == ["elsewhere", "out.bin"])
    }

    @Test func aLinkToNothingGetsItsTargetOnDemandOnly() throws {
        try FileManager.default.createDirectory(
            atPath: directory.file("elsewhere"), withIntermediateDirectories: false)
        // A link to a link to nothing, each relative to its own directory.
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "elsewhere/link")
        try FileManager.default.createSymbolicLink(
            atPath: directory.file("elsewhere/link"), withDestinationPath: "../nothing")
        #expect(
            refusal(of: path) == Self.refused(path, "it exists already, as a link to nothing", .overwriteLink)
        )
        try write("new", to: path, overwrite: true)
        #expect(try content("nothing") == "new")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "elsewhere/link")
        #expect(try directory.contents == ["elsewhere", "nothing", "out.bin"])
    }

    @Test func aLinkThatLeadsToNoPlaceIsRefused() throws {
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "out.bin")
        #expect(
            refusal(overwrite: true, of: path) == Self.refused(path, "it is a link that leads to itself", nil)
        )
        let other = directory.file("other")
        try FileManager.default.createSymbolicLink(atPath: other, withDestinationPath: "none/file")
        #expect(refusal(overwrite: true, of: other)?.nextStep == .advice("create it first"))
        #expect(try directory.contents == ["other", "out.bin"])
    }

    @Test func onlyRegularFilesAreReplaced() throws {
        let folder = directory.file("folder")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let pipe = directory.file("pipe")
        try #require(mkfifo(pipe, 0o600) == 0)
        for overwrite in [false, true] {
            #expect(
                refusal(overwrite: overwrite, of: folder)
                    == Self.refused(folder, "it is a directory", .advice("name a file in it")))
            for path in [pipe, "/dev/null"] {
                #expect(
                    refusal(overwrite: overwrite, of: path)
                        == Self.refused(path, "it is not a regular file", nil))
            }
        }
        #expect(try directory.contents == ["folder", "pipe"])
    }

    @Test func placesThatTakeNoFileAreNamed() throws {
        let file = try directory.write([], to: "file")
        #expect(
            refusal(of: directory.file("none/out"))
                == Self.refused(
                    directory.file("none/out"), "there is no directory \(directory.file("none"))",
                    .advice("create it first")))
        #expect(
            refusal(of: file + "/out") == Self.refused(file + "/out", "\(file) is not a directory", nil))
        #expect(refusal(of: "/proc/out")?.kind == .cannotCreate)
    }

    @Test func errorsOfTheSystemReadAsTheCallerWants() throws {
        #expect(SystemErrorWording.text.reason(ENOSPC) == "No space left on device")
        #expect(SystemErrorWording.errno.reason(ENOSPC) == "No space left on device (errno 28)")
        #expect(
            SystemErrorWording.negatedCode.reason(ENOSPC)
                == "No space left on device (No space left on device, -28)")
    }

    @Test func permissionsFollowTheUmask() throws {
        let mask = umask(0)
        umask(mask)
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        try write("x", to: path)
        #expect(try mode(path) == Int(0o666 & ~mask))
        let owned = try AtomicFile(directory.file("owned"), overwrite: false, permissions: 0o644)
        try owned.commit()
        #expect(try mode(directory.file("owned")) == Int(0o644 & ~mask))
    }

    /// A library that puts a new file into the place of the one it is given writes beside it.
    @Test func anotherFileIsAdopted() throws {
        let file = try AtomicFile(path, overwrite: false)
        let other = file.temporaryPath + ".zip"
        try Data("other".utf8).write(to: URL(fileURLWithPath: other))
        try file.adopt(other)
        TemporaryEntry.removeAbandoned(in: directory.path)
        try file.commit()
        #expect(try content("out.bin") == "other")
        #expect(try directory.contents == ["out.bin"])
    }

    // MARK: What killed processes leave

    @Test func leftoversOfKilledProcessesAreRemoved() throws {
        for name in [".vitvideo-1-a.tmp", ".vitvideo-1-b.tmp.zip", ".vitvideo-1-b.tmp.zip.XyZ123"] {
            try directory.write([1], to: name)
        }
        try FileManager.default.createDirectory(
            atPath: directory.file(".vitvideo-report-1-x.tmp/figures"), withIntermediateDirectories: true)
        let others = [".out.bin.tmp", ".vitvideo-notes", ".vitvideo-1-c.tmp.old", "vitvideo-1.tmp"]
        for name in others { try directory.write([1], to: name) }
        try write("x", to: path)
        #expect(try directory.contents == (others + ["out.bin"]).sorted())
    }

    @Test func whatALivingProcessWritesStays() throws {
        let file = try AtomicFile(path, overwrite: false)
        let name = try #require(directory.contents.first)
        try directory.write([1], to: name + ".zip")
        TemporaryEntry.removeAbandoned(in: directory.path)
        #expect(try directory.contents == [name, name + ".zip"])
        file.abandon()
        TemporaryEntry.removeAbandoned(in: directory.path)
        #expect(try directory.contents == [])
    }

    /// Another machine's process cannot be asked: what it makes goes once it has not been written to for a day.
    @Test func whatAnotherMachineWritesGoesAfterADay() throws {
        let name = ".vitvideo-elsewhere.4026531836-1-a.tmp"
        for (hours, isThere) in [(0.0, true), (-1, true), (23, true), (25, false)] {
            try directory.write([1], to: name)
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -3600 * hours)],
                ofItemAtPath: directory.file(name))
            TemporaryEntry.removeAbandoned(in: directory.path)
            #expect(try directory.contents == (isThere ? [name] : []))
        }
    }

    // MARK: File systems without locks

    /// There the process's number tells.
    @Test func withoutLocksTheDeadAreKnownByTheirNumber() throws {
        let file = try AtomicFile(path, overwrite: false)
        let living = try #require(directory.contents.first)
        let dead = living.replacingOccurrences(of: "-\(getpid())-", with: "-2147483000-")
        #expect(dead != living)
        try directory.write([1], to: dead)
        withoutLocks(ENOLCK) { TemporaryEntry.removeAbandoned(in: directory.path) }
        #expect(try directory.contents == [living])
        file.abandon()
    }

    @Test(arguments: [ENOLCK, ENOSYS, EOPNOTSUPP, EINVAL]) func locksAreNotNeeded(code: Int32) throws {
        try directory.write([1], to: ".vitvideo-1-perhaps-alive.tmp")
        var warnings: [String] = []
        try withoutLocks(code) {
            let file = try AtomicFile(path, overwrite: false) { warnings.append($0) }
            try file.write("x")
            try file.commit()
        }
        #expect(try content("out.bin") == "x")
        #expect(warnings.count == 1 && warnings[0].contains("no locks"))
        #expect(
            try directory.contents == [".vitvideo-1-perhaps-alive.tmp", "out.bin"],
            "without locks nobody knows whether a process is dead")
    }

    /// The lock fails, or another process holds it: the file is made and given up again.
    @Test(arguments: [EIO, EWOULDBLOCK]) func nothingIsLeftWhenOpeningFails(code: Int32) throws {
        withoutLocks(code) {
            let error = refusal(of: path)
            #expect(error == Self.refused(path, systemText(code), nil))
            #expect(throws: VitvideoError.self) { try AtomicDirectory(path, overwrite: false) { _ in } }
        }
        #expect(try directory.contents == [])
    }
}

/// Runs `body` on a file system whose locks fail with an `errno`.
func withoutLocks<Result>(_ code: Int32, _ body: () throws -> Result) rethrows -> Result {
    vv_fail_flock(code)
    defer { vv_fail_flock(0) }
    return try body()
}
