import Base
import Glibc

/// Listens on an address and serves each connection on a thread of its own.
///
/// Threads and blocking sockets, as everywhere in the program: a request waits for a pass, which is no work for a
/// thread of Swift's cooperative pool.
package final class HTTPServer: Sendable {
    /// As many connections as there may be at once.
    static let mostConnections = 256
    /// How long clients' threads may take to end.
    private static let patienceSeconds = 5.0

    /// The port that it listens on.
    package let port: UInt16
    private let listener: Int32
    private let open = Monitor<Connections>(Connections())

    private struct Connections {
        var byNumber: [Int: HTTPConnection] = [:]
        var next = 0
        var isStopping = false
    }

    /// - Parameters:
    ///   - address: an IPv4 address.
    ///   - port: 0 for a free one.
    /// - Throws: `VitvideoError` of kind `unavailable` where the address cannot be listened on.
    package init(address: String, port: UInt16) throws {
        func failure(_ code: Int32 = errno) -> VitvideoError {
            VitvideoError(
                .unavailable, cannot: "listen on", path: "\(address):\(port)",
                reason: systemText(code),
                nextStep: code == EADDRINUSE ? .advice("choose another --port") : nil)
        }
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw failure() }
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        guard inet_pton(AF_INET, address, &name.sin_addr) == 1 else {
            close(listener)
            throw VitvideoError(
                .usage, cannot: "listen on", path: address, reason: "it is no IPv4 address",
                nextStep: .advice("give one such as 0.0.0.0 or 192.168.0.2"))
        }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 128) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        guard isListening else {
            let error = failure()
            close(listener)
            throw error
        }
        self.listener = listener
        self.port = UInt16(bigEndian: name.sin_port)
    }

    deinit { close(listener) }

    /// Serves until `stop`, and returns when the connections are closed.
    ///
    /// - Parameter handle: called on the connections' threads.
    package func run(_ handle: @escaping @Sendable (HTTPRequest) -> HTTPResponse) {
        while true {
            let descriptor = accept(listener, nil, nil)
            if descriptor < 0 {
                if open.read({ $0.isStopping }) { break }
                // Out of descriptors, or a client that left at once: later there may be room.
                if errno == EMFILE || errno == ENFILE { usleep(50_000) }
                continue
            }
            // Jobs are not to inherit it.
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let connection = HTTPConnection(descriptor)
            let number = open.wait(until: { state -> Int?? in
                if state.isStopping || state.byNumber.count >= Self.mostConnections { return .some(nil) }
                state.next += 1
                state.byNumber[state.next] = connection
                return state.next
            })
            // Closed unserved where there are too many.
            guard let number else { continue }
            _ = StageThread(name: "client") { [open] in
                connection.serve(handle)
                open.change { $0.byNumber[number] = nil }
            }
        }
        // One that reads a hanging file comes back late or never.
        _ = open.wait(atMost: Self.patienceSeconds) { $0.byNumber.isEmpty ? true : nil }
    }

    /// Takes no more connections and hangs up on those there are.
    package func stop() {
        open.change { state in
            state.isStopping = true
            for connection in state.byNumber.values { connection.hangUp() }
        }
        shutdown(listener, Int32(SHUT_RDWR))
    }
}
