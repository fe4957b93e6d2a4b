/// What the headers of a response tell about its body.
struct ResponseHead {
    private(set) var status = 0
    private(set) var contentLength: Int64?
    /// `Content-Range: bytes first-last/total`, of which a 416 has only the total.
    private(set) var rangeStart: Int64?
    private(set) var rangeTotal: Int64?
    /// What `If-Range` takes: a strong entity tag, else the date of the last change.
    private(set) var validator: String?

    /// The SHA-256 of the file in lower-case hexadecimal, where `X-Linked-Etag` or else `ETag` is one: so
    /// Hugging Face's hub names files that it keeps elsewhere and redirects to.
    var contentHash: String? { [linkedTag, tag].lazy.compactMap(Self.sha256).first }
    /// `X-Linked-Size`: that file's size in bytes.
    private(set) var linkedSize: Int64?
    /// `X-Error-Code`: why the hub refuses.
    private(set) var errorCode: String?

    private var tag: String?
    private var linkedTag: String?
    private var hasStrongTag = false

    /// Takes in one header line. A status line starts a new response: one may follow an interim one.
    mutating func add(_ line: String) {
        if line.hasPrefix("HTTP/") {
            self = ResponseHead()
            let parts = line.split(whereSeparator: \.isWhitespace)
            if parts.count > 1 { status = Int(parts[1]) ?? 0 }
            return
        }
        guard let colon = line.firstIndex(of: ":") else { return }
        let value = line[line.index(after: colon)...].trimmed
        switch line[..<colon].lowercased() {
        case "content-length": contentLength = Int64(value)
        case "content-range": readRange(value)
        case "etag":
            tag = value
            guard !value.hasPrefix("W/") else { break }
            validator = value
            hasStrongTag = true
        case "x-linked-etag": linkedTag = value
        case "x-linked-size": linkedSize = Int64(value)
        case "x-error-code": errorCode = value
        case "last-modified" where !hasStrongTag: validator = value
        default: break
        }
    }

    /// The hash that an entity tag is; nil for other tags, such as Git's hashes of small files.
    private static func sha256(_ tag: String?) -> String? {
        guard let tag else { return nil }
        let value = (tag.hasPrefix("W/") ? tag.dropFirst(2) : tag[...]).filter { $0 != "\"" }.lowercased()
        return value.utf8.count == 64 && value.allSatisfy(\.isHexDigit) ? value : nil
    }

    private mutating func readRange(_ value: String) {
        guard value.lowercased().hasPrefix("bytes ") else { return }
        let parts = value.dropFirst(6).split(separator: "/")
        guard parts.count == 2 else { return }
        rangeStart = parts[0].split(separator: "-").first.flatMap { Int64($0) }
        rangeTotal = Int64(parts[1])
    }

    /// Size of the whole file, where the server tells.
    var total: Int64? { status == 200 ? contentLength : rangeTotal }

    var isRedirect: Bool { [301, 302, 303, 307, 308].contains(status) }

    /// Statuses that may be gone at the next attempt.
    var isTransientFailure: Bool { [408, 425, 429, 500, 502, 503, 504].contains(status) }
}
