import Testing

@testable import Server

/// Who may ask.
@Suite struct AccessTests {
    private let access = Access(address: "127.0.0.1", port: 8080, token: "secret")

    private func head(_ headers: String..., target: String = "/") throws -> HTTPHead {
        try HTTPHead(Array((["GET \(target) HTTP/1.1"] + headers + ["", ""]).joined(separator: "\r\n").utf8))
    }

    @Test(arguments: ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080"])
    func ownNamesAreKnown(_ host: String) throws {
        try access.checkOrigin(
            try head("Host: \(host)", "Origin: http://\(host)", "Sec-Fetch-Site: same-origin"))
        try access.checkOrigin(try head("Host: \(host)", "Sec-Fetch-Site: none"))
    }

    @Test(arguments: [
        ["Host: evil.example:8080"], ["Host: 127.0.0.1"], ["Host: 127.0.0.1:8081"], [],
        ["Host: 127.0.0.1.evil.example:8080"],
        ["Host: 127.0.0.1:8080", "Origin: http://evil.example"], ["Host: 127.0.0.1:8080", "Origin: null"],
        ["Host: 127.0.0.1:8080", "Origin: https://127.0.0.1:8080"],
        ["Host: 127.0.0.1:8080", "Sec-Fetch-Site: cross-site"],
        ["Host: 127.0.0.1:8080", "Sec-Fetch-Site: same-site"],
    ])
    func strangersAreRefused(_ headers: [String]) throws {
        let lines = (["GET / HTTP/1.1"] + headers + ["", ""]).joined(separator: "\r\n")
        let head = try HTTPHead(Array(lines.utf8))
        #expect(throws: HTTPProblem.self) { try access.checkOrigin(head) }
    }

    @Test func allAddressesAreAddressesInDigits() throws {
        let open = Access(address: "0.0.0.0", port: 8080, token: "secret")
        try open.checkOrigin(try head("Host: 192.168.1.7:8080"))
        #expect(throws: HTTPProblem.self) { try open.checkOrigin(try head("Host: evil.example:8080")) }
        #expect(throws: HTTPProblem.self) { try open.checkOrigin(try head("Host: 1.2.3:8080")) }
    }

    @Test func theTokenIsWanted() throws {
        try access.checkToken(try head("Authorization: Bearer secret"))
        try access.checkToken(try head(target: "/?token=secret"))
        for wrong in [
            "Authorization: Bearer secre", "Authorization: Basic secret", "Authorization: Bearer secret2",
            "A: b",
        ] {
            #expect(throws: HTTPProblem.self) { try access.checkToken(try head(wrong)) }
        }
        #expect(throws: HTTPProblem.self) { try access.checkToken(try head(target: "/?token=")) }
    }

    @Test func tokensAreLongAndDiffer() {
        let tokens = (0..<100).map { _ in Access.randomToken() }
        #expect(Set(tokens).count == 100 && tokens.allSatisfy { $0.count == 64 })
    }
}
