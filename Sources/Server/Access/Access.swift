import Files
import Glibc

/// Who may ask: whoever knows the token, from a page of this server or from no page at all.
package struct Access: Sendable {
    /// 256 random bits in hexadecimal digits, new at every start.
    package let token: String
    /// What `Host` may say; nil for any address in digits, where the server listens on all of the machine's.
    private let hosts: Set<String>?

    /// - Parameter address: what the server listens on.
    package init(address: String, port: UInt16, token: String = Access.randomToken()) {
        self.token = token
        let names = ["127.0.0.1", "localhost", address]
        hosts = address == "0.0.0.0" ? nil : Set(names.flatMap { Self.forms(of: $0, port: port) })
    }

    package static func randomToken() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let digits = String(generator.next(), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// A name of another server that leads here (DNS rebinding) shows in `Host`, a page of another server in `Origin`.
    ///
    /// - Throws: `HTTPProblem`: 403 for a strange host or origin.
    package func checkOrigin(_ head: HTTPHead) throws(HTTPProblem) {
        guard let host = head.header("host"), isOwn(host) else {
            throw HTTPProblem(.forbidden, "this server is not called that")
        }
        if let origin = head.header("origin") {
            guard origin.hasPrefix("http://"), isOwn(String(origin.dropFirst("http://".count))) else {
                throw HTTPProblem(.forbidden, "pages of other servers may not ask")
            }
        }
        if let site = head.header("sec-fetch-site"), site != "same-origin", site != "none" {
            throw HTTPProblem(.forbidden, "pages of other servers may not ask")
        }
    }

    /// - Throws: `HTTPProblem`: 401 without the token, as `Authorization: Bearer TOKEN` or `?token=TOKEN`.
    package func checkToken(_ head: HTTPHead) throws(HTTPProblem) {
        let bearer = head.header("authorization").flatMap {
            $0.lowercased().hasPrefix("bearer ") ? String($0.dropFirst("bearer ".count)) : nil
        }
        guard let given = bearer ?? head.item("token"), isToken(given) else {
            throw HTTPProblem(
                .unauthorized, "open the address that vitvideo serve has printed; it holds the token")
        }
    }

    /// Takes as long for a wrong token whatever is wrong in it.
    private func isToken(_ text: String) -> Bool {
        let (given, own) = (Array(text.utf8), Array(token.utf8))
        guard given.count == own.count else { return false }
        return zip(given, own).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private func isOwn(_ host: String) -> Bool {
        if let hosts { return hosts.contains(host.lowercased()) }
        let name = host.split(separator: ":").first ?? ""
        let numbers = name.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return name.lowercased() == "localhost" || numbers.count == 4 && !numbers.contains(nil)
    }

    private static func forms(of name: String, port: UInt16) -> [String] {
        ["\(name):\(port)"] + (port == 80 ? [name] : [])
    }
}
