import CCurl

/// A URL taken apart by libcurl's own parser, so that what is checked is what will be asked for.
struct Address {
    let text: String
    let scheme: String
    let host: String
    /// Given or the scheme's own; empty where neither is known.
    private let port: String

    /// Nil for text that is not an absolute URL.
    init?(_ text: String) {
        guard let parts = curl_url() else { return nil }
        defer { curl_url_cleanup(parts) }
        guard curl_url_set(parts, CURLUPART_URL, text, UInt32(CURLU_NON_SUPPORT_SCHEME)) == CURLUE_OK,
            let scheme = Address.part(CURLUPART_SCHEME, of: parts),
            let host = Address.part(CURLUPART_HOST, of: parts)
        else { return nil }
        self.text = text
        self.scheme = scheme.lowercased()
        self.host = host.lowercased()
        port = Address.part(CURLUPART_PORT, of: parts, UInt32(CURLU_DEFAULT_PORT)) ?? ""
    }

    private static func part(
        _ which: CURLUPart, of parts: OpaquePointer, _ flags: UInt32 = 0
    ) -> String? {
        var value: UnsafeMutablePointer<CChar>?
        guard curl_url_get(parts, which, &value, flags) == CURLUE_OK, let value else { return nil }
        defer { curl_free(value) }
        return String(cString: value)
    }

    /// Whether the same server answers under both: what is a secret between it and us stays one.
    func isSameServer(as other: Address) -> Bool {
        (scheme, host, port) == (other.scheme, other.host, other.port)
    }

    /// Whether the host is this machine.
    var isLoopback: Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return numbers.count == 4 && numbers[0] == 127 && numbers.allSatisfy { $0 != nil }
    }

    /// https anywhere; plain http, which anyone on the way can alter, only to this machine or where asked for.
    func isAllowed(plainHTTP: Bool) -> Bool {
        scheme == "https" || (scheme == "http" && (plainHTTP || isLoopback))
    }
}
