/// The head of a request: what stands before its body (RFC 9112).
package struct HTTPHead: Sendable, Equatable {
    package let method: String
    /// The parts of the path between its slashes, without their escapes: `/api/frames/a%20b` is `api`, `frames`, `a b`.
    package let path: [String]
    /// In their order, without escapes.
    package let query: [Field]
    /// Names in lower case.
    package let headers: [Field]
    /// Whether the client speaks HTTP/1.0, which closes after each answer.
    package let isVersion10: Bool

    package struct Field: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    /// Bytes that a head may have, and how many lines.
    package static let largest = 16 << 10
    static let mostHeaders = 100

    /// Where the head ends among the bytes received; nil where it has not yet come.
    static func end(in bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for end in 4...bytes.count where bytes[end - 1] == 10 && bytes[end - 2] == 13 {
            if bytes[end - 3] == 10, bytes[end - 4] == 13 { return end }
        }
        return nil
    }

    /// - Parameter bytes: up to the empty line.
    /// - Throws: `HTTPProblem` for whatever is not the head of an HTTP/1.1 request.
    package init(_ bytes: some Collection<UInt8>) throws(HTTPProblem) {
        // A control character is in no head; what is no ASCII is in no name.
        guard bytes.allSatisfy({ $0 >= 32 && $0 != 127 || $0 == 9 || $0 == 10 || $0 == 13 }) else {
            throw HTTPProblem(.badRequest, "the head holds a control character")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        while lines.last?.isEmpty == true { lines.removeLast() }
        guard let first = lines.first, !lines.contains(where: { $0.contains { $0 == "\n" || $0 == "\r" } })
        else { throw HTTPProblem(.badRequest, "lines end in CR LF") }

        let words = first.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 3, Self.isToken(words[0]) else {
            throw HTTPProblem(.badRequest, "a request begins with a method, a path and a version")
        }
        switch words[2] {
        case "HTTP/1.1": isVersion10 = false
        case "HTTP/1.0": isVersion10 = true
        default:
            throw HTTPProblem(
                words[2].hasPrefix("HTTP/") ? .versionNotSupported : .badRequest,
                "the version is HTTP/1.1 or HTTP/1.0")
        }
        method = words[0]
        (path, query) = try Self.target(words[1])

        guard lines.count - 1 <= Self.mostHeaders else {
            throw HTTPProblem(.headTooLarge, "a request has at most \(Self.mostHeaders) headers")
        }
        var headers: [Field] = []
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":"), Self.isToken(line[..<colon]) else {
                throw HTTPProblem(.badRequest, "a header is a name, a colon and a value")
            }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers.append(
                Field(name: line[..<colon].lowercased(), value: Self.trimmedEnd(value)))
        }
        // Two of these would let two readers see two requests.
        for name in ["host", "content-length", "transfer-encoding", "origin", "authorization"]
        where headers.count(where: { $0.name == name }) > 1 {
            throw HTTPProblem(.badRequest, "the header \(name) is there twice")
        }
        self.headers = headers
    }

    /// A header's value, by its name in lower case.
    package func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    /// The value of the first query item of that name.
    package func item(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// How many bytes of body follow.
    ///
    /// - Throws: `HTTPProblem` for a length that is no number, and for bodies in chunks.
    func bodyLength() throws(HTTPProblem) -> Int {
        guard header("transfer-encoding") == nil else {
            throw HTTPProblem(.notImplemented, "a body comes with its Content-Length, not in chunks")
        }
        guard let text = header("content-length") else { return 0 }
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let length = Int(text) else {
            throw HTTPProblem(.badRequest, "Content-Length is no number of bytes")
        }
        return length
    }

    var wantsClose: Bool {
        let words = (header("connection") ?? "").lowercased()
        return isVersion10 ? !words.contains("keep-alive") : words.contains("close")
    }

    // MARK: Parts

    private static func target(_ text: String) throws(HTTPProblem) -> ([String], [Field]) {
        guard text.hasPrefix("/"), !text.hasPrefix("//"), !text.contains("#") else {
            throw HTTPProblem(.badRequest, "the path begins with one slash")
        }
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var path: [String] = []
        for part in parts[0].split(separator: "/") { path.append(try decoded(part)) }
        var query: [Field] = []
        for item in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
            let sides = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = sides.count > 1 ? sides[1].replacing("+", with: " ") : ""
            query.append(Field(name: try decoded(sides[0]), value: try decoded(value)))
        }
        return (path, query)
    }

    /// A text without its `%XX` escapes.
    private static func decoded(_ text: some StringProtocol) throws(HTTPProblem) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimal),
                let low = rest.popFirst().flatMap(hexadecimal)
            else { throw HTTPProblem(.badRequest, "an escape is % and two hexadecimal digits") }
            bytes.append(high << 4 | low)
        }
        guard !bytes.contains(0), let decoded = String(validating: bytes, as: UTF8.self) else {
            throw HTTPProblem(.badRequest, "the address is no UTF-8")
        }
        return decoded
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8? {
        Character(UnicodeScalar(digit)).hexDigitValue.map(UInt8.init)
    }

    private static func isToken(_ text: some StringProtocol) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                    || "!#$%&'*+-.^_`|~".utf8.contains($0)
            }
    }

    private static func trimmedEnd(_ text: Substring) -> String {
        var text = text
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }
}
