import Files
import Glibc

/// One client's connection, served by a thread of its own: requests are read one after the other, each within bounds
/// of size and time.
///
/// `@unchecked Sendable`: the thread that serves it alone reads and writes; others only ask whether the client is gone
/// and shut it down, which are system calls on its descriptor, open as long as the object lives.
final class HTTPConnection: @unchecked Sendable {
    /// How long a client may take.
    struct Patience: Sendable {
        /// Between two requests.
        var idleSeconds = 60
        /// For a head from its first byte on.
        var headSeconds = 10
        /// Without a byte of a body, and for a part of an answer to be taken.
        var stallSeconds = 20
        /// For a whole body.
        var bodySeconds = 900
    }

    private let descriptor: Int32
    private let patience: Patience
    /// Received and not yet looked at.
    private var pending: [UInt8] = []

    /// - Parameter descriptor: of an accepted socket, closed with this object.
    init(_ descriptor: Int32, patience: Patience = Patience()) {
        self.descriptor = descriptor
        self.patience = patience
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        var time = timeval(tv_sec: patience.stallSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// POLLRDHUP, which Swift does not see: the other side sends no more.
    private static let hangsUp: Int16 = 0x2000

    /// Ends what the serving thread waits for. From any thread.
    func hangUp() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Whether the client has hung up. From any thread.
    var isGone: Bool {
        var query = pollfd(fd: descriptor, events: Self.hangsUp, revents: 0)
        return poll(&query, 1, 0) > 0
            && query.revents & (Self.hangsUp | Int16(POLLHUP | POLLERR | POLLNVAL)) != 0
    }

    /// Serves requests until the client goes or breaks the rules.
    func serve(_ handle: (HTTPRequest) -> HTTPResponse) {
        while true {
            let head: HTTPHead
            let body: Body
            do {
                guard let bytes = try readHead() else { return }
                head = try HTTPHead(bytes)
                body = Body(connection: self, length: try head.bodyLength())
            } catch {
                _ = send(HTTPResponse(error), closes: true)
                return finish()
            }
            if head.header("expect")?.lowercased() == "100-continue" { body.awaitsGoAhead = true }
            let response = handle(HTTPRequest(head: head, body: body, isGone: { [self] in isGone }))
            // What is left of a body would be taken for the next request.
            let closes = head.wantsClose || !body.isAtEnd
            guard send(response, closes: closes, withoutBody: head.method == "HEAD"), !closes else {
                return finish()
            }
        }
    }

    // MARK: Reading

    /// - Returns: nil where the client has gone, or has nothing more to say.
    private func readHead() throws(HTTPProblem) -> [UInt8]? {
        var deadline: ContinuousClock.Instant?
        if !pending.isEmpty { deadline = .now + .seconds(patience.headSeconds) }
        while true {
            if let end = HTTPHead.end(in: pending) {
                let head = Array(pending[..<end])
                pending.removeFirst(end)
                return head
            }
            guard pending.count <= HTTPHead.largest else {
                throw HTTPProblem(.headTooLarge, "a head has at most \(HTTPHead.largest) bytes")
            }
            switch receive(until: deadline ?? .now + .seconds(patience.idleSeconds)) {
            case .bytes(let bytes):
                if deadline == nil { deadline = .now + .seconds(patience.headSeconds) }
                pending += bytes
            case .end: return nil
            case .late:
                guard deadline != nil else { return nil }
                throw HTTPProblem(.requestTimeout, "the head did not come within \(patience.headSeconds) s")
            }
        }
    }

    private enum Received {
        case bytes([UInt8])
        case end
        case late
    }

    private func receive(until deadline: ContinuousClock.Instant, most: Int = 64 << 10) -> Received {
        let rest = deadline - .now
        var query = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let milliseconds = max(0, min(Int32.max / 2, Int32(clamping: Int(rest / .milliseconds(1)) + 1)))
        guard rest > .zero, poll(&query, 1, milliseconds) > 0 else { return .late }
        var bytes = [UInt8](repeating: 0, count: most)
        let count = recv(descriptor, &bytes, most, 0)
        guard count > 0 else { return .end }
        return .bytes(Array(bytes[..<count]))
    }

    private final class Body: HTTPBody {
        private let connection: HTTPConnection
        let length: Int
        private var left: Int
        private let deadline: ContinuousClock.Instant
        /// Whether the client waits for a word before it sends the body.
        var awaitsGoAhead = false

        init(connection: HTTPConnection, length: Int) {
            (self.connection, self.length, left) = (connection, length, length)
            deadline = .now + .seconds(connection.patience.bodySeconds)
        }

        var isAtEnd: Bool { left == 0 }

        func next() throws(HTTPProblem) -> [UInt8]? {
            guard left > 0 else { return nil }
            if awaitsGoAhead {
                awaitsGoAhead = false
                _ = connection.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
            }
            if !connection.pending.isEmpty {
                let count = min(left, connection.pending.count)
                let piece = Array(connection.pending[..<count])
                connection.pending.removeFirst(count)
                left -= count
                return piece
            }
            let stall = ContinuousClock.Instant.now + .seconds(connection.patience.stallSeconds)
            switch connection.receive(until: min(stall, deadline), most: min(left, 256 << 10)) {
            case .bytes(let bytes):
                left -= bytes.count
                return bytes
            case .end: throw HTTPProblem(.clientClosedRequest, "the body ended early")
            case .late: throw HTTPProblem(.requestTimeout, "the body did not come in time")
            }
        }
    }

    // MARK: Answering

    /// What every answer says to the browser: nothing from elsewhere is loaded or asked, and no other page may show or
    /// read this one.
    private static let policy = [
        "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
            + "connect-src 'self'; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cross-origin-resource-policy: same-origin",
        "cross-origin-opener-policy: same-origin",
    ].joined(separator: "\r\n")

    /// - Returns: whether all of it was taken.
    private func send(_ response: HTTPResponse, closes: Bool, withoutBody: Bool = false) -> Bool {
        var length: Int
        var file: Int32 = -1
        defer { if file >= 0 { close(file) } }
        switch response.body {
        case .bytes(let bytes): length = bytes.count
        case .file(let path):
            file = FileSystem.open(path, O_RDONLY | O_CLOEXEC)
            var status = stat()
            guard file >= 0, fstat(file, &status) == 0 else {
                return send(HTTPResponse(HTTPProblem(.notFound, "it is no longer there")), closes: closes)
            }
            length = Int(status.st_size)
        }
        let hasBody = response.status != .notModified && response.status != .noContent
        if !hasBody { length = 0 }
        var lines = ["HTTP/1.1 \(response.status.rawValue) \(response.status.reason)"]
        lines += response.headers.map { "\($0.name): \($0.value)" }
        if !response.headers.contains(where: { $0.name == "cache-control" }) {
            lines.append("cache-control: no-store")
        }
        if hasBody { lines.append("content-length: \(length)") }
        lines += [Self.policy, "connection: \(closes ? "close" : "keep-alive")"]
        guard write(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)) else { return false }
        guard hasBody, !withoutBody else { return true }
        if case .bytes(let bytes) = response.body { return write(bytes) }
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        while length > 0 {
            let count = read(file, &piece, min(length, piece.count))
            if count < 0, errno == EINTR { continue }
            guard count > 0, write(Array(piece[..<count])) else { return false }
            length -= count
        }
        return true
    }

    private func write(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Glibc.send(
                    descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count,
                    Int32(MSG_NOSIGNAL))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }

    /// Closes so that the answer arrives: a socket closed with bytes unread would take it back.
    private func finish() {
        shutdown(descriptor, Int32(SHUT_WR))
        let deadline = ContinuousClock.Instant.now + .seconds(1)
        var left = 4 << 20
        while left > 0, case .bytes(let bytes) = receive(until: deadline) { left -= bytes.count }
    }
}
