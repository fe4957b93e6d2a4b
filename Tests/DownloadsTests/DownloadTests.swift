import Base
import Downloads
import Files
import Fixtures
import Foundation
import LocalServer
import Testing

/// Downloads from servers that misbehave in every way a large file meets with.
@Suite struct DownloadTests {
    private let directory: TemporaryDirectory
    private let rack = TestServer.Rack()
    private let file = ServedFile(bytes: (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
    private var target: String { directory.file("model.pth") }

    init() throws { directory = try TemporaryDirectory() }

    private func download(_ url: String, size: Int64? = nil, sha256: String = "") -> Download {
        var options = Download.Options()
        options.retryDelaySeconds = 0
        options.stallSeconds = 1
        return Download(from: url, to: target, size: size, sha256: sha256, options: options)
    }

    private func failure(_ download: Download) throws -> VitvideoError {
        try #require(throws: VitvideoError.self) { try download.run() }
    }

    private func received() throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: target))) }

    @Test func aWholeFile() throws {
        let server = try rack.serve { [file] request, _ in file.response(to: request) }
        let hash = try ContentHash.sha256(of: file.bytes)
        var seen: [Download.Progress] = []
        let task = download(server.url("/m.pth"), size: Int64(file.bytes.count), sha256: hash)
        try task.run { seen.append($0) }
        #expect(try received() == file.bytes)
        #expect(try directory.contents == ["model.pth"])
        #expect(seen.last == Download.Progress(received: 200_000, total: 200_000))
        #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.received <= $1.received })

        // Once there, it is not asked for again.
        try task.run()
        #expect(server.requests.count == 1)
    }

    // MARK: Broken connections

    @Test func aDroppedConnectionIsResumed() throws {
        let server = try rack.serve { [file] request, index in
            file.response(to: request, limit: index < 3 ? 50_000 : nil)
        }
        try download(server.url("/m.pth")).run()
        #expect(try received() == file.bytes)
        #expect(server.requests.map(\.rangeStart) == [nil, 50_000, 100_000, 150_000])
        #expect(server.requests[1].headers["if-range"] == file.tag)
    }

    @Test func aStalledConnectionIsResumed() throws {
        let server = try rack.serve { [file] request, index in
            index == 0 ? file.response(to: request, limit: 100_000) + [.stall] : file.response(to: request)
        }
        try download(server.url("/m.pth")).run()
        #expect(try received() == file.bytes)
        #expect(server.requests.map(\.rangeStart) == [nil, 100_000])
    }

    @Test func aServerThatIgnoresRangesSendsTheFileAnew() throws {
        let server = try rack.serve { [file] _, index in
            file.response(
                to: TestServer.Request(path: ""), limit: index == 0 ? 120_000 : nil)
        }
        try download(server.url("/m.pth")).run()
        #expect(try received() == file.bytes)
        #expect(server.requests.map(\.rangeStart) == [nil, 120_000])
    }

    /// A range that begins elsewhere than asked for would make a file of two halves that do not meet.
    @Test func aWrongRangeIsNotTaken() throws {
        let server = try rack.serve { [file] request, index in
            guard index == 1 else { return file.response(to: request, limit: index == 0 ? 1000 : nil) }
            return [
                .head("206 Partial Content", ["Content-Range: bytes 500-199999/200000"]),
                .send(Array(file.bytes[500...])),
            ]
        }
        try download(server.url("/m.pth")).run()
        #expect(try received() == file.bytes)
        #expect(server.requests.map(\.rangeStart) == [nil, 1000, nil])
    }

    @Test func anUnchangingFailureEndsTheAttempts() throws {
        let server = try rack.serve { [file] _, _ in
            file.response(to: TestServer.Request(path: ""), limit: 1000)
        }
        let error = try failure(download(server.url("/m.pth")))
        #expect(error.kind == .unavailable)
        #expect(error.description.contains("1000 of 200000"))
        #expect(server.requests.count == 5)
    }

    @Test func passingServerErrorsAreTriedAgain() throws {
        let server = try rack.serve { [file] request, index in
            index < 2
                ? [.head("503 Service Unavailable", ["Content-Length: 4"]), .send(Array("busy".utf8))]
                : file.response(to: request)
        }
        try download(server.url("/m.pth")).run()
        #expect(try received() == file.bytes)
        #expect(server.requests.count == 3)
    }

    // MARK: Parts of earlier runs

    /// Leaves a part of 80,000 bytes behind, as an interrupted run does.
    private func leavePart(_ server: TestServer) throws {
        var arrived: Int64 = 0
        let error = try #require(throws: VitvideoError.self) {
            try download(server.url("/m.pth")).run(
                progress: { arrived = $0.received }, isCancelled: { arrived >= 80_000 })
        }
        #expect(error.kind == .interrupted)
        #expect(try directory.contents == ["model.pth.part", "model.pth.part.origin"])
    }

    @Test func aLaterRunGoesOn() throws {
        let server = try rack.serve { [file] request, index in
            index == 0 ? file.response(to: request, limit: 80_000) + [.stall] : file.response(to: request)
        }
        try leavePart(server)
        try download(server.url("/m.pth"), sha256: try ContentHash.sha256(of: file.bytes)).run()
        #expect(try received() == file.bytes)
        #expect(server.requests.map(\.rangeStart) == [nil, 80_000])
        #expect(try directory.contents == ["model.pth"])
    }

    @Test func aFileThatChangedMeanwhileIsFetchedAnew() throws {
        let other = ServedFile(bytes: [UInt8](file.bytes.reversed()), tag: "\"v2\"")
        let server = try rack.serve { [file] request, index in
            index == 0 ? file.response(to: request, limit: 80_000) + [.stall] : other.response(to: request)
        }
        try leavePart(server)
        try download(server.url("/m.pth")).run()
        #expect(try received() == other.bytes)
    }

    @Test func aDamagedPartIsFetchedAnew() throws {
        let server = try rack.serve { [file] request, index in
            index == 0 ? file.response(to: request, limit: 80_000) + [.stall] : file.response(to: request)
        }
        try leavePart(server)
        let part = try #require(FileHandle(forUpdatingAtPath: target + ".part"))
        try part.write(contentsOf: Data("damaged".utf8))
        try part.close()
        try download(server.url("/m.pth"), sha256: try ContentHash.sha256(of: file.bytes)).run()
        #expect(try received() == file.bytes)
        #expect(server.requests.map(\.rangeStart) == [nil, 80_000, nil])
    }

    @Test func aPartOfUnknownOriginIsNotTrusted() throws {
        try directory.write("something".utf8, to: "model.pth.part")
        let server = try rack.serve { [file] request, _ in file.response(to: request) }
        try download(server.url("/m.pth")).run()
        #expect(try received() == file.bytes)
        #expect(server.requests.map(\.rangeStart) == [nil])
    }

    /// Killed between the last byte and the renaming.
    @Test func aCompletePartIsTakenAsItIs() throws {
        let server = try rack.serve { [file] request, _ in file.response(to: request) }
        try directory.write(file.bytes, to: "model.pth.part")
        let origin = "\(server.url("/m.pth"))\n\(file.tag)\n"
        try directory.write((origin + "200000\n").utf8, to: "model.pth.part.origin")
        try download(server.url("/m.pth")).run()
        #expect(try received() == file.bytes)
        #expect(server.requests.isEmpty)

        // The same where the server never told the size: it says now that nothing is missing.
        try FileManager.default.moveItem(atPath: target, toPath: target + ".part")
        try directory.write((origin + "\n").utf8, to: "model.pth.part.origin")
        try download(server.url("/m.pth")).run()
        #expect(try received() == file.bytes)
        #expect(server.requests.map(\.rangeStart) == [200_000])
    }

    // MARK: Wrong files

    @Test(arguments: ["", "deadbeef"]) func wrongContentLeavesNothing(prefix: String) throws {
        let server = try rack.serve { [file] request, _ in file.response(to: request) }
        let hash = prefix.isEmpty ? String(repeating: "0", count: 64) : prefix
        let error = try failure(download(server.url("/m.pth"), sha256: hash))
        #expect(error.kind == .badData)
        #expect(error.description.contains(hash))
        #expect(try directory.contents == [])
    }

    @Test func wrongSizeIsSeenBeforeTheBody() throws {
        let server = try rack.serve { [file] request, _ in file.response(to: request, limit: 0) + [.stall] }
        let error = try failure(download(server.url("/m.pth"), size: 5))
        #expect(error.kind == .badData)
        #expect(try directory.contents == [])
    }

    @Test func wrongContentAtTheTargetIsReplaced() throws {
        try directory.write("old".utf8, to: "model.pth")
        let server = try rack.serve { [file] request, _ in file.response(to: request) }
        try download(server.url("/m.pth"), size: 200_000).run()
        #expect(try received() == file.bytes)
    }

    @Test(arguments: ["404 Not Found", "403 Forbidden"]) func aRefusalNamesStatusAndAddress(
        status: String
    ) throws {
        let server = try rack.serve { _, _ in
            [.head(status, ["Content-Length: 4"]), .send(Array("nope".utf8))]
        }
        let error = try failure(download(server.url("/m.pth")))
        #expect(error.kind == .unavailable)
        #expect(error.description.contains(server.url("/m.pth")))
        #expect(error.description.contains(status.prefix(3)))
        #expect(!error.description.contains("\n"))
        #expect(server.requests.count == 1)
        #expect(try directory.contents == [])
    }

    @Test func noServerIsAnErrorAtOnce() throws {
        let server = try rack.serve { _, _ in [] }
        server.stop()
        let error = try failure(download(server.url("/m.pth")))
        #expect(error.kind == .unavailable)
        #expect(try directory.contents == [])
    }

    // MARK: Disk

    @Test func aFullDisk() throws {
        // Writing to /dev/full fails as on a full disk.
        try FileManager.default.createSymbolicLink(
            atPath: target + ".part", withDestinationPath: "/dev/full")
        let server = try rack.serve { [file] request, _ in file.response(to: request) }
        let error = try failure(download(server.url("/m.pth")))
        #expect(error.kind == .inputOutput)
        #expect(error.description.contains("No space left"))
        #expect(try !directory.contents.contains("model.pth"))
    }

    @Test func aFileLargerThanTheDiskIsSeenBeforeTheBody() throws {
        let server = try rack.serve { _, _ in
            [.head("200 OK", ["Content-Length: \(Int64.max / 2)"]), .send([0]), .stall]
        }
        let error = try failure(download(server.url("/m.pth")))
        #expect(error.kind == .inputOutput)
        #expect(error.description.contains("bytes free"))
        #expect(try directory.contents == [])
    }

    @Test func aMissingDirectory() throws {
        let server = try rack.serve { [file] request, _ in file.response(to: request) }
        let task = Download(from: server.url("/m.pth"), to: directory.file("none/m.pth"))
        #expect(try failure(task).kind == .cannotCreate)
    }

    // MARK: Redirects and schemes

    @Test func redirectsAreFollowed() throws {
        let server = try rack.serve { [file] request, index in
            if request.path == "/m.pth" {
                return [
                    .head("302 Found", ["Location: /elsewhere", "Content-Length: 5"]),
                    .send(Array("moved".utf8)),
                ]
            }
            return file.response(to: request, limit: index == 1 ? 1000 : nil)
        }
        try download(server.url("/m.pth")).run()
        #expect(try received() == file.bytes)
        #expect(server.requests.map(\.path) == ["/m.pth", "/elsewhere", "/m.pth", "/elsewhere"])
        #expect(server.requests[3].rangeStart == 1000)
    }

    @Test(arguments: ["http://example.com/m.pth", "ftp://127.0.0.1/m.pth", "file:///etc/passwd"])
    func redirectsElsewhereAreRefused(location: String) throws {
        let server = try rack.serve { _, _ in
            [.head("301 Moved Permanently", ["Location: \(location)", "Content-Length: 0"])]
        }
        let error = try failure(download(server.url("/m.pth")))
        #expect(error.kind == .unavailable)
        #expect(error.reason.contains("only https") || error.reason.contains("is not a URL"))
        #expect(error.description.contains(location))
        #expect(try directory.contents == [])
    }

    @Test func redirectsInACircleEnd() throws {
        let server = try rack.serve { _, _ in [.head("302 Found", ["Location: /m.pth", "Content-Length: 0"])]
        }
        let error = try failure(download(server.url("/m.pth")))
        #expect(error.kind == .unavailable && error.reason == "more than 10 redirects")
        #expect(server.requests.count == 11)
    }

    @Test(arguments: [
        "http://example.com/m.pth", "http://127.0.0.1.example.com/", "http://127.0.0.1@example.com/",
        "http://1270.0.0.1/", "ftp://localhost/m", "file:///m", "m.pth", "",
    ]) func onlyHTTPSAndThisMachine(url: String) throws {
        let error = try failure(download(url))
        #expect(error.kind == .unavailable)
        #expect(error.reason.contains("only https") || error.reason.contains("is not a URL"))
        #expect(try directory.contents == [])
    }

    // MARK: Two at once

    /// The second waits for the first and takes what it fetched.
    @Test func twoAtOnceFetchOnce() async throws {
        let isWaiting = TestServer.Gate()
        let server = try rack.serve { [file] request, _ in
            let half = file.response(to: request, limit: 100_000)
            return half + [.wait(isWaiting), .send(Array(file.bytes[100_000...]))]
        }
        let first = download(server.url("/m.pth"), size: 200_000)
        let second = first
        let hasHalf = TestServer.Gate()
        async let one: Void = onThread { try first.run { if $0.received >= 100_000 { hasHalf.open() } } }
        async let two: Void = onThread {
            hasHalf.wait()
            // Asked while waiting for the lock: only then may the server go on.
            try second.run(isCancelled: {
                isWaiting.open()
                return false
            })
        }
        _ = try await (one, two)
        #expect(try received() == file.bytes)
        #expect(server.requests.count == 1)
        #expect(try directory.contents == ["model.pth"])
    }
}

/// Waiting for gates belongs on a thread of its own, not on the cooperative pool.
private func onThread(_ work: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Result { try work() }) }.start()
    }
}
