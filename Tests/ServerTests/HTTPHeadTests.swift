import Testing

@testable import Server

/// Requests as they arrive.
@Suite struct HTTPHeadTests {
    private func head(_ text: String) throws -> HTTPHead {
        try HTTPHead(Array(text.replacing("\n", with: "\r\n").utf8))
    }

    @Test func aRequestIsTakenApart() throws {
        let head = try head(
            "GET /api/frames/a%20b%2Fc/7?query=1%2C2&name=x+y&flag HTTP/1.1\nHost: h:1\nX-A:  b \n\n")
        #expect(head.method == "GET" && !head.isVersion10)
        // An escaped slash separates nothing.
        #expect(head.path == ["api", "frames", "a b/c", "7"])
        #expect(head.item("query") == "1,2" && head.item("name") == "x y" && head.item("flag") == "")
        #expect(head.item("other") == nil)
        #expect(head.header("host") == "h:1" && head.header("x-a") == "b")
        #expect(try head.bodyLength() == 0 && !head.wantsClose)
    }

    @Test func aHeadEndsAtTheEmptyLine() {
        #expect(HTTPHead.end(in: Array("GET / HTTP/1.1\r\nA: b\r\n\r\nbody".utf8)) == 24)
        #expect(HTTPHead.end(in: Array("GET / HTTP/1.1\r\nA: b\r\n".utf8)) == nil)
        #expect(HTTPHead.end(in: []) == nil)
    }

    @Test(arguments: [
        ("", HTTPStatus.badRequest), ("GET /\n\n", .badRequest), ("GET  / HTTP/1.1\n\n", .badRequest),
        ("G(T / HTTP/1.1\n\n", .badRequest), ("GET http://a/ HTTP/1.1\n\n", .badRequest),
        ("GET //a HTTP/1.1\n\n", .badRequest), ("GET /a#b HTTP/1.1\n\n", .badRequest),
        ("GET / HTTP/2.0\n\n", .versionNotSupported), ("GET / FTP\n\n", .badRequest),
        ("GET /%zz HTTP/1.1\n\n", .badRequest), ("GET /%4 HTTP/1.1\n\n", .badRequest),
        ("GET /%00 HTTP/1.1\n\n", .badRequest), ("GET /%ff HTTP/1.1\n\n", .badRequest),
        ("GET / HTTP/1.1\nno colon\n\n", .badRequest), ("GET / HTTP/1.1\n: no name\n\n", .badRequest),
        ("GET / HTTP/1.1\nA : space before the colon\n\n", .badRequest),
        ("GET / HTTP/1.1\n folded: line\n\n", .badRequest), ("GET / HTTP/1.1\nA: \u{1}\n\n", .badRequest),
        ("GET / HTTP/1.1\nHost: a\nHost: b\n\n", .badRequest),
        ("GET / HTTP/1.1\nContent-Length: 1\ncontent-length: 2\n\n", .badRequest),
    ])
    func whatIsNoneIsRefused(_ text: String, _ status: HTTPStatus) {
        #expect(throws: HTTPProblem.self) { try head(text) }
        do {
            _ = try head(text)
        } catch {
            #expect((error as? HTTPProblem)?.status == status, "\(text)")
        }
    }

    @Test func linesEndInBothCharacters() {
        #expect(throws: HTTPProblem.self) { try HTTPHead(Array("GET / HTTP/1.1\nA: b\r\n\r\n".utf8)) }
        #expect(throws: HTTPProblem.self) { try HTTPHead(Array("GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n".utf8)) }
    }

    @Test func headersAreCounted() throws {
        let many = (0..<HTTPHead.mostHeaders).map { "A\($0): b\n" }.joined()
        #expect(try head("GET / HTTP/1.1\n\(many)\n").headers.count == HTTPHead.mostHeaders)
        #expect(throws: HTTPProblem(.headTooLarge, "a request has at most 100 headers")) {
            try head("GET / HTTP/1.1\n\(many)B: c\n\n")
        }
    }

    @Test(arguments: ["-1", "+1", "1.5", "", "0x10", "99999999999999999999", "1 2"])
    func aLengthIsANumber(_ length: String) throws {
        let head = try head("POST / HTTP/1.1\nContent-Length: \(length)\n\n")
        #expect(throws: HTTPProblem.self) { try head.bodyLength() }
    }

    @Test func aBodyInChunksIsNotTaken() throws {
        let head = try head("POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n")
        #expect(throws: HTTPProblem(.notImplemented, "a body comes with its Content-Length, not in chunks")) {
            try head.bodyLength()
        }
    }

    @Test func whoClosesSaysSo() throws {
        #expect(try head("GET / HTTP/1.1\nConnection: Close\n\n").wantsClose)
        #expect(try head("GET / HTTP/1.0\n\n").wantsClose)
        #expect(try !head("GET / HTTP/1.0\nConnection: keep-alive\n\n").wantsClose)
    }
}
