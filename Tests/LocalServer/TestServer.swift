import Foundation

/// An HTTP server on 127.0.0.1 that does what a test tells it to, misbehavior included. Each connection has a
/// thread of its own and serves one request.
///
/// Safe to share: what changes is only touched under `lock`.
package final class TestServer: @unchecked Sendable {
    package struct Request: Sendable {
        package let path: String
        /// Names in lower case.
        package let headers: [String: String]

        package init(path: String, headers: [String: String] = [:]) {
            self.path = path
            self.headers = headers
        }

        /// The first byte of `Range: bytes=first-`.
        package var rangeStart: Int? {
            headers["range"].flatMap { Int($0.dropFirst("bytes=".count).prefix { $0 != "-" }) }
        }
    }

    /// One thing that is done with a connection.
    package enum Step: Sendable {
        case send([UInt8])
        /// Sends nothing more until the other side hangs up.
        case stall
        /// Waits for a gate.
        case wait(Gate)
    }

    /// Opens once, for everyone.
    package final class Gate: @unchecked Sendable {
        private let condition = NSCondition()
        private var isOpen = false

        package init() {}

        package func open() {
            condition.withLock {
                isOpen = true
                condition.broadcast()
            }
        }

        package func wait() { condition.withLock { while !isOpen { condition.wait() } } }
    }

    package let port: UInt16
    private let listener: Int32
    private let handler: @Sendable (Request, Int) -> [Step]
    private let lock = NSLock()
    private var received: [Request] = []

    /// - Parameter handler: what to do with the n-th request, from 0; then the connection is closed.
    package init(_ handler: @escaping @Sendable (_ request: Request, _ index: Int) -> [Step]) throws {
        self.handler = handler
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        port = UInt16(bigEndian: address.sin_port)
        Thread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                Thread { [self] in
                    serve(connection)
                    close(connection)
                }.start()
            }
        }.start()
    }

    deinit { close(listener) }

    /// Takes no more connections. Until then the server keeps itself alive.
    package func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    /// Stops servers at the end of a test, and not when the test last mentions them.
    package final class Rack {
        private var servers: [TestServer] = []

        package init() {}

        package func serve(
            _ handler: @escaping @Sendable (_ request: Request, _ index: Int) -> [Step]
        ) throws -> TestServer {
            servers.append(try TestServer(handler))
            return servers[servers.count - 1]
        }

        deinit { for server in servers { server.stop() } }
    }

    package func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    /// All requests so far.
    package var requests: [Request] { lock.withLock { received } }

    private func serve(_ connection: Int32) {
        guard let request = readRequest(connection) else { return }
        let index = lock.withLock {
            received.append(request)
            return received.count - 1
        }
        for step in handler(request, index) {
            switch step {
            case .send(let bytes):
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = rest.withUnsafeBytes {
                        Foundation.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                    }
                    guard count > 0 else { return }
                    rest = rest.dropFirst(count)
                }
            case .stall:
                var byte: UInt8 = 0
                while read(connection, &byte, 1) > 0 {}
            case .wait(let gate): gate.wait()
            }
        }
        // Closing while the other side's bytes are unread would reset the connection under what was sent.
        shutdown(connection, Int32(SHUT_WR))
    }

    private func readRequest(_ connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            guard read(connection, &byte, 1) == 1 else { return nil }
            bytes.append(byte)
        }
        let lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] =
                line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        return Request(path: String(lines[0].split(separator: " ")[1]), headers: headers)
    }
}

extension TestServer.Step {
    /// A status line and headers.
    package static func head(_ status: String, _ headers: [String] = []) -> Self {
        .send(
            Array(
                (["HTTP/1.1 \(status)"] + headers + ["Connection: close", "", ""]).joined(separator: "\r\n")
                    .utf8))
    }
}

/// A file as a well-behaved server has it.
package struct ServedFile: Sendable {
    package var bytes: [UInt8]
    package var tag: String

    package init(bytes: [UInt8], tag: String = "\"v1\"") {
        self.bytes = bytes
        self.tag = tag
    }

    /// The response to a request, ranges honoured as HTTP says; broken off after `limit` bytes of the body.
    package func response(to request: TestServer.Request, limit: Int? = nil) -> [TestServer.Step] {
        var start = request.rangeStart ?? 0
        if let expected = request.headers["if-range"], expected != tag { start = 0 }
        if start >= bytes.count, start > 0 {
            return [.head("416 Range Not Satisfiable", ["Content-Range: bytes */\(bytes.count)"])]
        }
        let body = Array(bytes[start...].prefix(limit ?? bytes.count))
        let headers = ["Content-Length: \(bytes.count - start)", "ETag: \(tag)"]
        if start == 0 { return [.head("200 OK", headers), .send(body)] }
        return [
            .head(
                "206 Partial Content",
                headers + ["Content-Range: bytes \(start)-\(bytes.count - 1)/\(bytes.count)"]),
            .send(body),
        ]
    }
}
