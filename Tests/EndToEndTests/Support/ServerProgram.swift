import Foundation
import Testing

/// A running `vitvideo serve`, and requests to it byte for byte.
///
/// `@unchecked Sendable`: requests use constants alone; `stop` is called by one thread at the end.
final class ServerProgram: @unchecked Sendable {
    struct Answer: Sendable {
        /// 0 where the connection ended without one.
        let status: Int
        /// Names in lower case.
        let headers: [String: String]
        let body: Data

        var text: String { String(decoding: body, as: UTF8.self) }
        var json: [String: Any] { (try? JSONSerialization.jsonObject(with: body)) as? [String: Any] ?? [:] }
    }

    let host: String
    /// 0 where the program ended before it listened.
    let port: Int
    let token: String
    private let program: Program

    init(in workspace: Workspace, _ arguments: [String], environment: [String: String?] = [:]) throws {
        program = try workspace.start(arguments: ["serve"] + arguments, environment: environment)
        let line = try program.nextOutputLine() ?? ""
        let address = line.wholeMatch(of: /vitvideo serves http:\/\/([0-9.]+):([0-9]+)\/\?token=([0-9a-f]+)/)
        host = address.map { String($0.output.1) } ?? ""
        port = address.flatMap { Int($0.output.2) } ?? 0
        token = address.map { String($0.output.3) } ?? ""
    }

    /// Ends it as Ctrl-C does.
    func stop() throws -> Program.Outcome {
        if port != 0 { program.send(SIGINT) }
        return try program.wait()
    }

    /// Ends it as nothing can be caught.
    func kill() throws {
        program.send(SIGKILL)
        _ = try program.wait()
    }

    // MARK: Requests

    func get(_ target: String) throws -> Answer { try exchange("GET", target) }

    /// - Parameters:
    ///   - token: sent as `Authorization`; nil for none.
    ///   - headers: besides Host, the token and the length; one of those names replaces them.
    func exchange(
        _ method: String, _ target: String, token: String?? = .none, headers: [String: String] = [:],
        body: Data? = nil
    ) throws -> Answer {
        var lines = ["Host": "\(host):\(port)", "Connection": "close"]
        if let token = token ?? self.token { lines["Authorization"] = "Bearer \(token)" }
        if let body { lines["Content-Length"] = "\(body.count)" }
        lines.merge(headers) { $1 }
        let head =
            "\(method) \(target) HTTP/1.1\r\n" + lines.map { "\($0.key): \($0.value)\r\n" }.joined() + "\r\n"
        return try raw(Data(head.utf8) + (body ?? Data()))
    }

    /// Sends bytes and reads until the server closes.
    func raw(_ bytes: Data, timeLimitSeconds: Int = 120) throws -> Answer {
        let connection = try connect(timeLimitSeconds: timeLimitSeconds)
        defer { close(connection) }
        Self.send(bytes, to: connection)
        var received = Data()
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            received += buffer[..<count]
        }
        return Self.answer(received)
    }

    /// A connection whose owner closes it.
    func connect(timeLimitSeconds: Int = 120) throws -> Int32 {
        let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var time = timeval(tv_sec: timeLimitSeconds, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr(host)
        address.sin_port = UInt16(port).bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else {
            let error = POSIXError(.init(rawValue: errno) ?? .EIO)
            close(connection)
            throw error
        }
        return connection
    }

    static func send(_ bytes: Data, to connection: Int32) {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Glibc.send(
                    connection, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count,
                    Int32(MSG_NOSIGNAL))
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    private static func answer(_ bytes: Data) -> Answer {
        guard let end = bytes.range(of: Data("\r\n\r\n".utf8)) else {
            return Answer(status: 0, headers: [:], body: bytes)
        }
        var lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines.removeFirst().split(separator: " ")
        let fields = lines.compactMap { line -> (String, String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            return (line[..<colon].lowercased(), value)
        }
        return Answer(
            status: words.count > 1 ? Int(words[1]) ?? 0 : 0,
            headers: Dictionary(fields, uniquingKeysWith: { $1 }), body: Data(bytes[end.upperBound...]))
    }
}
