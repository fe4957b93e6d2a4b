import Base
import Downloads
import Files
import Fixtures
import Foundation
import LocalServer
import Testing

/// Files whose size and hash the server tells, and servers that want to know who asks.
@Suite struct ServersWordTests {
    private let directory: TemporaryDirectory
    private let rack = TestServer.Rack()
    private let bytes: [UInt8] = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    private var target: String { directory.file("model.bin") }

    init() throws { directory = try TemporaryDirectory() }

    private func download(_ url: String) -> Download {
        var download = Download(from: url, to: target)
        download.options.retryDelaySeconds = 0
        download.options.stallSeconds = 1
        download.takesServersWord = true
        return download
    }

    private func received() throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: target))) }

    /// A server that redirects to another one and says what will come from there.
    private func redirect(
        hash: String, size: Int, store: TestServer
    ) throws -> TestServer {
        try rack.serve { _, _ in
            [
                .head(
                    "302 Found",
                    [
                        "Location: \(store.url("/blob"))", "X-Linked-Etag: \"\(hash)\"",
                        "X-Linked-Size: \(size)", "Content-Length: 0",
                    ])
            ]
        }
    }

    @Test func theTokenStaysWithTheServerItIsFor() throws {
        // The other server's tag looks like a hash, and is none that counts.
        let file = ServedFile(bytes: bytes, tag: "\"\(String(repeating: "a", count: 64))\"")
        let store = try rack.serve { request, index in
            file.response(to: request, limit: index == 0 ? 1000 : nil)
        }
        let server = try redirect(
            hash: try ContentHash.sha256(of: bytes), size: bytes.count, store: store)
        var download = download(server.url("/m"))
        download.token = "hf_secret"
        try download.run()
        #expect(try received() == bytes)
        #expect(
            server.requests.map { $0.headers["authorization"] } == ["Bearer hf_secret", "Bearer hf_secret"])
        #expect(store.requests.map { $0.headers["authorization"] } == [nil, nil])
        #expect(store.requests.map(\.rangeStart) == [nil, 1000])
    }

    /// The same machine under another port is another server; under another path it is the same.
    @Test func theTokenFollowsARedirectOnTheSameServer() throws {
        let file = ServedFile(bytes: bytes)
        let server = try rack.serve { request, _ in
            request.path == "/m"
                ? [.head("307 Temporary Redirect", ["Location: /elsewhere", "Content-Length: 0"])]
                : file.response(to: request)
        }
        var download = download(server.url("/m"))
        download.token = "hf_secret"
        try download.run()
        #expect(
            server.requests.map { $0.headers["authorization"] } == ["Bearer hf_secret", "Bearer hf_secret"])
    }

    @Test func withoutATokenNobodyIsTold() throws {
        let file = ServedFile(bytes: bytes)
        let server = try rack.serve { request, _ in file.response(to: request) }
        try download(server.url("/m")).run()
        #expect(server.requests.map { $0.headers["authorization"] } == [nil])
    }

    @Test(arguments: [true, false]) func whatIsNotWhatTheServerSaidIsNotKept(isSize: Bool) throws {
        let file = ServedFile(bytes: bytes)
        let store = try rack.serve { request, _ in file.response(to: request) }
        let hash = isSize ? try ContentHash.sha256(of: bytes) : String(repeating: "0", count: 64)
        let server = try redirect(hash: hash, size: bytes.count + (isSize ? 1 : 0), store: store)
        let error = #expect(throws: VitvideoError.self) { try download(server.url("/m")).run() }
        #expect(error?.kind == .badData)
        #expect(error?.reason.contains(isSize ? "100001" : hash) == true, "\(String(describing: error))")
        #expect(try directory.contents == [])
    }

    /// A tag of 64 hexadecimal digits is the hash where the server sends the file itself; others say nothing.
    @Test(arguments: [
        ("\"HASH\"", true), ("\"" + String(repeating: "0", count: 64) + "\"", false),
        ("W/\"" + String(repeating: "0", count: 64) + "\"", false),
        ("\"" + String(repeating: "0", count: 40) + "\"", true),
        ("\"" + String(repeating: "0", count: 64) + "-3\"", true),
    ]) func theServersOwnTag(tag: String, isTaken: Bool) throws {
        let hash = try ContentHash.sha256(of: bytes)
        let file = ServedFile(bytes: bytes, tag: tag.replacing("HASH", with: hash))
        let server = try rack.serve { request, _ in file.response(to: request) }
        var download = download(server.url("/m"))
        if isTaken {
            try download.run()
            #expect(try received() == bytes)
        } else {
            #expect(throws: VitvideoError.self) { try download.run() }
            #expect(try directory.contents == [])
            // Who does not ask for the server's word gets the file.
            download.takesServersWord = false
            try download.run()
            #expect(try received() == bytes)
        }
    }

    /// Killed between the last byte and the renaming, and damaged since.
    @Test func aCompletePartIsCheckedTooAndFetchedAnew() throws {
        let file = ServedFile(bytes: bytes)
        let store = try rack.serve { request, _ in file.response(to: request) }
        let server = try redirect(
            hash: try ContentHash.sha256(of: bytes), size: bytes.count, store: store)
        var damaged = bytes
        damaged[7] ^= 1
        try directory.write(damaged, to: "model.bin.part")
        try directory.write(
            "\(server.url("/m"))\n\(file.tag)\n\(bytes.count)\n".utf8, to: "model.bin.part.origin")
        try download(server.url("/m")).run()
        #expect(try received() == bytes)
        #expect(store.requests.map(\.rangeStart) == [100_000, nil])
    }

    @Test(arguments: [
        ("404 Not Found", "EntryNotFound", true), ("410 Gone", nil, true),
        ("401 Unauthorized", "GatedRepo", false), ("403 Forbidden", nil, false),
    ]) func aRefusalIsAnAnswer(status: String, code: String?, isAbsence: Bool) throws {
        let server = try rack.serve { _, _ in
            [.head(status, ["Content-Length: 0"] + (code.map { ["X-Error-Code: \($0)"] } ?? []))]
        }
        let refusal = try #require(try download(server.url("/m")).attempt())
        #expect(refusal.status == Int(status.prefix(3)) && refusal.code == code)
        #expect(refusal.isAbsence == isAbsence && refusal.error.kind == .unavailable)
        #expect(server.requests.count == 1)
        #expect(try directory.contents == [])
    }
}
