import Base
import Fixtures
import Foundation
import NumPy
import Testing

/// `vitvideo serve`, byte for byte: who may ask, what is refused, what is left behind.
@Suite struct ServeTests {
    /// A tiny seeded model.
    static let model = [
        "--weights", Golden.path("supervised", "weights"), "--num-heads", "3", "--family", "vit",
        "--resolution", "64",
    ]

    /// A server of a small picture and a small clip, with a temporary directory of its own.
    static func start(_ workspace: Workspace, _ more: String...) throws -> ServerProgram {
        let picture = "testsrc=size=64x48:rate=5:duration=4"
        try workspace.ffmpeg("-f", "lavfi", "-i", picture, "-frames:v", "1", "photo.png")
        try workspace.ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "mpeg4", "clip.mkv")
        try workspace.makeDirectory("tmp")
        return try ServerProgram(
            in: workspace, ["photo.png", "clip.mkv", "--port", "0"] + model + more,
            environment: ["TMPDIR": workspace.file("tmp")])
    }

    @Test func whoMayAskAndWhatThereIs() throws {
        let workspace = try Workspace()
        let server = try Self.start(workspace, "--max-upload", "100K")
        let host = "\(server.host):\(server.port)"
        func status(
            _ method: String, _ target: String, token: String?? = .none, _ headers: [String: String] = [:]
        )
            throws -> Int
        {
            try server.exchange(method, target, token: token, headers: headers).status
        }
        #expect(try status("GET", "/?token=\(server.token)", token: .some(nil)) == 200)
        #expect(try status("GET", "/", token: .some(nil)) == 401)
        #expect(try status("GET", "/assets/app.js", token: .some(nil)) == 200)
        #expect(try status("GET", "/api/info", token: .some(nil)) == 401)
        #expect(try status("GET", "/api/info", token: "0000") == 401)
        #expect(try status("GET", "/api/info") == 200)
        // By another name, from another page.
        #expect(try status("GET", "/api/info", ["Host": "evil.example:\(server.port)"]) == 403)
        #expect(try status("GET", "/?token=\(server.token)", ["Host": "evil.example"]) == 403)
        #expect(try status("GET", "/api/info", ["Origin": "http://evil.example"]) == 403)
        #expect(try status("GET", "/api/info", ["Origin": "http://\(host)"]) == 200)
        #expect(
            try status("POST", "/api/media?name=a", ["Sec-Fetch-Site": "cross-site", "Content-Length": "0"])
                == 403)
        // Paths.
        for target in [
            "/api/frames/..%2f..%2fetc%2fpasswd/0", "/api/media/%2fetc%2fpasswd", "/assets/../Package.swift",
            "/assets/..%2f..%2fetc%2fpasswd", "/etc/passwd", "/api/frames/photo.png/0/../../x", "/index.html",
            "/api/frames/clip.mkv/9999", "/api/frames/photo.png/x", "/api/frames/photo.png/-1",
            "/api/jobs/none",
            "/api/frames/photo.png/0?model=none", "/api", "/api/none",
        ] {
            #expect(try status("GET", target) == 404, "\(target)")
        }
        #expect(try status("DELETE", "/api/media/photo.png") == 403)
        #expect(try status("PUT", "/api/media") == 405)
        #expect(
            try status(
                "GET", "/api/frames/photo.png/0/maps?method=similarity&query=1,2&query-image=/etc/passwd")
                == 200)
        for (query, expected) in [
            ("method=none", 400), ("method=attention&discard-ratio=0.5", 400), ("layer=x", 400),
            ("layer=99", 422), ("query=99,99&layer=0", 422), ("query=x", 422), ("method=neuron", 422),
            ("heads=1,1", 400), ("heads=77", 422),
        ] {
            #expect(try status("GET", "/api/frames/photo.png/0/maps?\(query)") == expected, "\(query)")
        }
        // Answers say what the browser may do.
        let page = try server.exchange("GET", "/?token=\(server.token)")
        #expect(
            page.headers["content-security-policy"]?.hasPrefix("default-src 'none'; script-src 'self'")
                == true)
        #expect(page.headers["access-control-allow-origin"] == nil)
        #expect(page.headers["x-content-type-options"] == "nosniff")
        let outcome = try server.stop()
        #expect(outcome.status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.file("tmp")) == [])
    }

    @Test func malformedRequestsAreRefused() throws {
        let workspace = try Workspace()
        let server = try Self.start(workspace)
        let host = "Host: \(server.host):\(server.port)\r\n"
        let token = "Authorization: Bearer \(server.token)\r\n"
        for (request, status) in [
            ("GARBAGE\r\n\r\n", 400), ("GET / HTTP/3.0\r\n\(host)\r\n", 505),
            ("GET /%zz HTTP/1.1\r\n\(host)\r\n", 400),
            ("GET / HTTP/1.1\r\nA: \(String(repeating: "x", count: 20_000))\r\n\r\n", 431),
            ("POST /api/media HTTP/1.1\r\n\(host)\(token)Content-Length: -5\r\n\r\n", 400),
            ("POST /api/media HTTP/1.1\r\n\(host)\(token)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
            ("POST /api/media?name=a HTTP/1.1\r\n\(host)\(token)Connection: close\r\n\r\n", 411),
            ("POST /api/media?name=a HTTP/1.1\r\n\(host)\(token)Content-Length: 999999999999\r\n\r\n", 413),
            ("POST /api/live HTTP/1.1\r\n\(host)\(token)Content-Length: 99999999\r\n\r\n", 413),
            ("GET /api/info HTTP/1.1\r\n\(host)\(host)\(token)\r\n", 400),
        ] {
            #expect(try server.raw(Data(request.utf8)).status == status, "\(request.prefix(60))")
        }
        // Two requests in one piece are two answers, the second of another kind.
        let pair = try server.raw(
            Data(
                "GET /api/info HTTP/1.1\r\n\(host)\(token)\r\nGET /api/none HTTP/1.0\r\n\(host)\(token)\r\n"
                    .utf8))
        #expect(pair.status == 200 && pair.text.contains("HTTP/1.1 404"))
        #expect(try server.get("/api/info").status == 200)
        #expect(try server.stop().status == 0)
    }

    @Test func uploadsComeAndGo() throws {
        let workspace = try Workspace()
        let server = try Self.start(workspace)
        let photo = try workspace.bytes(of: "photo.png")
        func left() throws -> [String] {
            try FileManager.default.subpathsOfDirectory(atPath: workspace.file("tmp")).filter {
                $0.contains("/")
            }
        }
        let answer = try server.exchange("POST", "/api/media?name=..%2F..%2Fmy%20cat.png", body: photo)
        #expect(answer.status == 201 && answer.json["name"] as? String == "my cat.png")
        let id = try #require(answer.json["id"] as? String)
        #expect(try server.get("/api/frames/\(id)/0").status == 200)
        // The same bytes are the same file.
        let again = try server.exchange("POST", "/api/media?name=b", body: photo)
        #expect(again.json["id"] as? String == id)
        #expect(try left().count == 1)
        for bytes in [
            Data("no picture".utf8), Data(repeating: 0, count: 5000), Data("#EXTM3U\n/etc/passwd\n".utf8),
        ] {
            #expect(try server.exchange("POST", "/api/media?name=a.m3u8", body: bytes).status == 415)
        }
        // A body that ends early.
        let connection = try server.connect()
        ServerProgram.send(
            Data(
                "POST /api/media?name=a HTTP/1.1\r\nHost: \(server.host):\(server.port)\r\nAuthorization: Bearer \(server.token)\r\nContent-Length: 5000\r\n\r\nabc"
                    .utf8), to: connection)
        close(connection)
        #expect(try server.exchange("DELETE", "/api/media/\(id)").status == 204)
        #expect(try server.get("/api/frames/\(id)/0").status == 404)
        while try !left().isEmpty { sched_yield() }
        _ = try server.exchange("POST", "/api/media?name=c.png", body: photo)
        try server.kill()
        #expect(try left().count == 1)
        // The next start finds what the killed one has left.
        let next = try ServerProgram(
            in: workspace, ["--port", "0"] + Self.model, environment: ["TMPDIR": workspace.file("tmp")])
        #expect(try left().isEmpty)
        #expect(try next.stop().status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.file("tmp")) == [])
    }

    @Test func aFrameCostsOnePass() throws {
        let workspace = try Workspace()
        let server = try Self.start(workspace)
        func passes() throws -> Int { try server.get("/api/info").json["passes"] as? Int ?? -1 }
        let frame = try server.get("/api/frames/clip.mkv/7")
        #expect(frame.json["rows"] as? Int == 16 && frame.json["columns"] as? Int == 21)
        for part in [
            "", "/queries-keys?layer=0", "/queries-keys?layer=1", "/tokens", "/attention?query=1,2",
            "/attention?layer=0",
            "/attention?query=mean", "/entropy", "/picture.png",
        ] {
            #expect(try server.get("/api/frames/clip.mkv/7\(part)").status == 200, "\(part)")
        }
        #expect(try passes() == 1)
        // What has not changed is not sent again.
        let picture = try server.get("/api/frames/clip.mkv/7/picture.png")
        let tag = try #require(picture.headers["etag"])
        let known = try server.exchange(
            "GET", "/api/frames/clip.mkv/7/picture.png", headers: ["If-None-Match": tag])
        #expect(known.status == 304 && known.body.isEmpty)
        #expect(try server.get("/api/frames/clip.mkv/8").status == 200)
        #expect(try passes() == 2)
        #expect(try server.stop().status == 0)
    }

    @Test("a transformer of another build: what the command exports, on its finest grid")
    func anotherBuild() throws {
        let workspace = try Workspace()
        try workspace.ffmpeg(
            "-f", "lavfi", "-i", "testsrc=size=80x56:rate=5:duration=1", "-frames:v", "1", "photo.png")
        let swin = ["--weights", Fixtures.golden("graph/swin").path, "--resolution", "56"]
        let server = try ServerProgram(in: workspace, ["photo.png", "--port", "0"] + swin)
        let frame = try server.get("/api/frames/photo.png/0").json
        let (rows, columns) = (frame["rows"] as? Int ?? 0, frame["columns"] as? Int ?? 0)
        let cell = (frame["cell_width"] as? Double ?? 0, frame["cell_height"] as? Double ?? 0)
        #expect(rows > 4 && columns > rows && (frame["classes"] as? [Any])?.count == 3)
        /// Maps of the server, each on the finest grid.
        func served(_ part: String) throws -> [[Float]] {
            let answer = try server.get("/api/frames/photo.png/0/\(part)")
            #expect(answer.status == 200, "\(part)")
            // The header fills up to a multiple of 64 bytes.
            let values = answer.body.dropFirst(128).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            let size = rows * columns
            return stride(from: 0, to: values.count, by: size).map { Array(values[$0..<$0 + size]) }
        }
        // A patch of the finest grid is the pixel in its middle on the others.
        let pixel = "\(Int(2.5 * cell.0))px,\(Int(3.5 * cell.1))px"
        for layer in ["0", "-1"] {
            try workspace.succeed(
                ["photo.png", "--layer", layer, "--query", pixel, "--export", "\(layer).npz", "--quiet"]
                    + swin)
            let exported = try NPZReader(workspace.file("\(layer).npz")).array("attention")
            let values = try exported.floats()
            let maps = try served("attention?layer=\(layer)&query=3,2")
            #expect(maps.count == exported.shape[1])
            let (own, across) = (exported.shape[2], exported.shape[3])
            for (head, map) in maps.enumerated() {
                for (index, value) in map.enumerated() {
                    let row = (2 * (index / columns) + 1) * own / (2 * rows)
                    let column = (2 * (index % columns) + 1) * across / (2 * columns)
                    #expect(value == values[(head * own + row) * across + column])
                }
                #expect(map.min() != map.max())
            }
        }
        try workspace.succeed(
            ["photo.png", "--method", "rollout", "--export", "rollout.npz", "--quiet"] + swin)
        #expect(
            try served("maps?method=rollout")[0]
                == NPZReader(workspace.file("rollout.npz")).array("rollout").floats())
        #expect(try served("maps?method=similarity&query=3,2").count == 1)
        for (part, status) in [
            ("queries-keys?layer=0", 422), ("tokens", 422), ("attention?query=cls", 422),
            ("attention?layer=77", 422), ("attention?query=99,0", 422), ("maps?method=qk", 422),
        ] {
            #expect(try server.get("/api/frames/photo.png/0/\(part)").status == status, "\(part)")
        }
        #expect(try server.stop().status == 0)
    }

    @Test func jobsMakeWhatTheCommandMakes() throws {
        let workspace = try Workspace()
        let server = try Self.start(workspace)
        func wait(_ id: String) throws -> [String: Any] {
            while true {
                let job = try server.get("/api/jobs/\(id)").json
                if !["waiting", "running"].contains(job["state"] as? String) { return job }
                usleep(20_000)
            }
        }
        let shown = "media=clip.mkv&frame=7&layer=0&query=1,2&alpha=0.5&colormap=magma&scale=percentile:2:98"
        for (make, name) in [
            ("picture", "clip-7-attention.png"), ("maps", "clip-7-attention.npz"),
            ("clip", "clip-attention-attention.mp4"),
        ] {
            let made = try server.exchange(
                "POST", "/api/jobs?\(shown)&make=\(make)", headers: ["Content-Length": "0"])
            #expect(made.status == 201)
            let job = try wait(try #require(made.json["id"] as? String))
            #expect(job["state"] as? String == "done", "\(job)")
            #expect(job["name"] as? String == name)
            let result = try server.get("/api/jobs/\(made.json["id"] ?? "")/result")
            // The copied line makes the same file.
            let line = try #require(job["command"] as? String)
            #expect(line.hasPrefix("vitvideo clip.mkv "))
            let outcome = try workspace.shell("\"$0\" " + line.dropFirst("vitvideo ".count))
            #expect(outcome.status == 0, "\(line): \(outcome.errors)")
            #expect(result.status == 200)
            if make != "maps" {
                #expect(try workspace.bytes(of: name) == result.body)
            } else {
                try workspace.write(result.body, to: "served.npz")
                let arrays = try ["served.npz", name].map {
                    try NPZReader(workspace.file($0)).array("attention").floats()
                }
                #expect(arrays[0] == arrays[1])
            }
        }
        let refused = try server.exchange(
            "POST", "/api/jobs?media=photo.png&make=clip", headers: ["Content-Length": "0"])
        #expect(refused.status == 422)
        #expect(try server.stop().status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.file("tmp")) == [])
    }

    @Test func aServerOfNothingStillAnswers() throws {
        let workspace = try Workspace()
        try workspace.makeDirectory("tmp")
        let server = try ServerProgram(
            in: workspace, ["--port", "0"] + Self.model, environment: ["TMPDIR": workspace.file("tmp")])
        #expect((try server.get("/api/info").json["media"] as? [Any])?.isEmpty == true)
        #expect(try server.get("/api/frames/none/0").status == 404)
        #expect(try server.stop().status == 0)
    }
}
