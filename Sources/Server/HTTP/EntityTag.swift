/// What tells two states of an answer apart (`ETag`): a browser that has the answer asks with its tag, and is not sent it
/// again.
struct EntityTag: Sendable {
    private let text: String

    /// - Parameter parts: all that the answer depends on.
    init(_ parts: [String]) {
        self.init(bytes: parts.joined(separator: "\0").utf8)
    }

    /// FNV-1a, 64 bits.
    init(bytes: some Sequence<UInt8>) {
        let hash = bytes.reduce(UInt64(14_695_981_039_346_656_037)) {
            ($0 ^ UInt64($1)) &* 1_099_511_628_211
        }
        text = "\"\(String(hash, radix: 16))\""
    }

    /// - Parameter make: makes the answer where the client does not have it.
    func answer(_ head: HTTPHead, _ make: () throws -> HTTPResponse) rethrows -> HTTPResponse {
        let isKnown = head.header("if-none-match") == text
        let response = isKnown ? HTTPResponse(.notModified, type: "text/plain", bytes: []) : try make()
        return response.with("etag", text).with("cache-control", "private, no-cache")
    }
}
