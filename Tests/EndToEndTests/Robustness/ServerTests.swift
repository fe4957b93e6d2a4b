import Base
import Fixtures
import Foundation
import Testing

extension Robustness {
    /// Many clients, and requests damaged at random: the server lives, and nothing is left of what nobody waits for.
    @Suite struct ServerTests {
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
                200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 411, 413, 415, 422, 431, 499, 501, 503,
                505,
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

        /// Twenty clients with mixed requests, some of which hang up before the answer.
        @Test func manyClientsAtOnce() throws {
            let workspace = try Workspace()
            let budget = 1_000_000
            let server = try ServeTests.start(workspace, "--budget-memory", "1M")
            let seconds = RobustnessTable.isThorough ? 60.0 : 4
            let end = ContinuousClock.now + .seconds(seconds)
            let faults = Base.Mutex([String]())
            let count = Base.Mutex(0)
            let running = Monitor(20)
            let ask = { @Sendable (client: Int) in
                var random = SplitMix64(seed: UInt64(client))
                while ContinuousClock.now < end {
                    let frame = random.next() % 20
                    let targets = [
                        "frames/clip.mkv/\(frame)", "frames/clip.mkv/\(frame)/queries-keys?layer=1",
                        "frames/clip.mkv/\(frame)/attention?query=1,3",
                        "frames/clip.mkv/\(frame)/picture.png",
                        "info",
                        "frames/photo.png/0/maps?method=rollout", "progress", "media/clip.mkv",
                        "frames/clip.mkv/\(frame)/entropy?background=1",
                    ]
                    let target = targets[Int(random.next() % UInt64(targets.count))]
                    let address = "/api/\(target)"
                    do {
                        if random.next() % 5 == 0 {
                            let connection = try server.connect()
                            let host = "Host: \(server.host):\(server.port)\r\n"
                            let token = "Authorization: Bearer \(server.token)\r\n"
                            ServerProgram.send(
                                Data("GET \(address) HTTP/1.1\r\n\(host)\(token)\r\n".utf8), to: connection)
                            close(connection)
                        } else {
                            let answer = try server.exchange(
                                "GET", address, headers: ["Vitvideo-Session": "\(client)"])
                            if answer.status != 200 {
                                faults.withLock { $0.append("\(answer.status) \(address) \(answer.text)") }
                            }
                        }
                    } catch {
                        faults.withLock { $0.append("\(address): \(error)") }
                    }
                    count.withLock { $0 += 1 }
                }
            }
            for client in 0..<20 {
                Thread {
                    ask(client)
                    running.change { $0 -= 1 }
                }.start()
            }
            running.wait { $0 == 0 ? true : nil }
            #expect(faults.withLock { $0 } == [])
            #expect(count.withLock { $0 } > 100)
            // What was wanted by those that went away is gone too.
            var info = try server.get("/api/info").json
            while info["tasks"] as? Int != 0 { info = try server.get("/api/info").json }
            #expect(info["kept_bytes"] as? Int ?? .max <= budget)
            RobustnessTable.count(
                "server: requests of 20 clients at once", tried: count.withLock { $0 },
                passed: count.withLock { $0 } - faults.withLock { $0.count })
            #expect(try server.stop().status == 0)
        }
    }
}
