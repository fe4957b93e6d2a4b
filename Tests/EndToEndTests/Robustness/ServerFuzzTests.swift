import Base
import Fixtures
import Foundation
import Testing

extension Robustness {
    /// Requests damaged at random: each gets an answer or is hung up on, and the server lives.
    @Suite struct ServerFuzzTests {
        private static func corpus(_ server: ServerProgram, photo: Data) -> [[UInt8]] {
            let host = "Host: \(server.host):\(server.port)\r\nAuthorization: Bearer \(server.token)\r\n"
            let heads = [
                "GET /api/info", "GET /?token=\(server.token)", "GET /api/frames/photo.png/0",
                "GET /api/frames/photo.png/0/attention?layer=1&query=1,2",
                "GET /api/frames/photo.png/0/maps?method=rollout&discard-ratio=0.5",
                "GET /api/frames/photo.png/0/queries-keys?layer=0",
                "GET /api/command?media=photo.png&alpha=0.3&scale=0:1",
                "DELETE /api/media/upload-1", "GET /api/jobs/x/result", "GET /assets/page.css",
            ]
            let body = "POST /api/media?name=a.png HTTP/1.1\r\n\(host)Content-Length: \(photo.count)\r\n\r\n"
            let live = "POST /api/live?layer=0 HTTP/1.1\r\n\(host)Content-Length: \(photo.count)\r\n\r\n"
            return heads.map { Array("\($0) HTTP/1.1\r\n\(host)\r\n".utf8) }
                + [body, live].map { Array($0.utf8) + Array(photo) }
        }

        @Test func damagedRequests() throws {
            let workspace = try Workspace()
            try workspace.ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1", "photo.png")
            try workspace.makeDirectory("tmp")
            let server = try ServerProgram(
                in: workspace, ["photo.png", "--port", "0"] + ServeTests.model,
                environment: ["TMPDIR": workspace.file("tmp")])
            let photo = try workspace.bytes(of: "photo.png")
            var mutator = Mutator(corpus: Self.corpus(server, photo: photo), seed: 20)
            let known: Set = [
                200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 411, 413, 415, 422, 431, 501, 503, 505,
                0,
            ]
            let cases = RobustnessTable.isThorough ? 1000 : 100
            for index in 0..<cases {
                let request = mutator.next()
                let connection = try server.connect(timeLimitSeconds: 60)
                ServerProgram.send(Data(request), to: connection)
                // Nothing more comes: what waits for more of a body need not wait long.
                shutdown(connection, Int32(SHUT_WR))
                var head = [UInt8](repeating: 0, count: 1 << 16)
                let count = max(0, recv(connection, &head, head.count, 0))
                close(connection)
                let line = String(decoding: head[..<count].prefix(12), as: UTF8.self)
                let status = line.hasPrefix("HTTP/1.1 ") ? Int(line.dropFirst(9)) ?? -1 : count == 0 ? 0 : -1
                let isFine = known.contains(status)
                #expect(isFine, "case \(index): \(line)")
                RobustnessTable.count("server: damaged requests", passed: isFine ? 1 : 0)
            }
            #expect(try server.get("/api/info").status == 200)
            let outcome = try server.stop()
            #expect(
                outcome.status == 0
                    && outcome.errorLines.filter { !$0.isEmpty && !$0.contains("closing") } == [])
            #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.file("tmp")) == [])
        }
    }
}
