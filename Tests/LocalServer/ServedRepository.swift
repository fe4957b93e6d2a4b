/// A repository as Hugging Face's hub has it: what is large lies elsewhere, and the hub redirects to it with
/// its SHA-256 and size.
package struct ServedRepository: Sendable {
    /// `owner/name`.
    package var name: String
    /// By their paths.
    package var files: [String: [UInt8]]
    /// SHA-256 of the large files, by their paths.
    package var hashes: [String: String]
    /// The address of the server that has the large files; nil where the hub sends them itself.
    package var store: String?
    /// The token that opens the repository; nil for an open one.
    package var token: String?

    package init(_ name: String, files: [String: [UInt8]], hashes: [String: String] = [:]) {
        self.name = name
        self.files = files
        self.hashes = hashes
    }

    /// The hub's response.
    ///
    /// - Parameter limit: breaks the body off after so many bytes.
    package func response(to request: TestServer.Request, limit: Int? = nil) -> [TestServer.Step] {
        let start = "/\(name)/resolve/main/"
        guard request.path.hasPrefix(start) else {
            return Self.refusal("401 Unauthorized", "RepoNotFound")
        }
        if let token, request.headers["authorization"] != "Bearer \(token)" {
            let isKnown = request.headers["authorization"] != nil
            return Self.refusal(isKnown ? "403 Forbidden" : "401 Unauthorized", "GatedRepo")
        }
        let path = String(request.path.dropFirst(start.count))
        guard let bytes = files[path] else { return Self.refusal("404 Not Found", "EntryNotFound") }
        guard let hash = hashes[path] else {
            return ServedFile(bytes: bytes, tag: "W/\"0123456789012345678901234567890123456789\"")
                .response(to: request, limit: limit)
        }
        guard let store else {
            return ServedFile(bytes: bytes, tag: "\"\(hash)\"").response(to: request, limit: limit)
        }
        let headers = [
            "Location: \(store)/\(path)", "X-Linked-Etag: \"\(hash)\"", "X-Linked-Size: \(bytes.count)",
            "Content-Length: 0",
        ]
        return [.head("302 Found", headers)]
    }

    /// The response of the server that has the large files.
    package func storeResponse(to request: TestServer.Request, limit: Int? = nil) -> [TestServer.Step] {
        ServedFile(bytes: files[String(request.path.dropFirst())] ?? []).response(to: request, limit: limit)
    }

    private static func refusal(_ status: String, _ code: String) -> [TestServer.Step] {
        [.head(status, ["X-Error-Code: \(code)", "Content-Length: 4"]), .send(Array("nope".utf8))]
    }
}
