import Files

/// A request as handlers see it. It belongs to its connection's thread.
package struct HTTPRequest {
    package let head: HTTPHead
    package let body: HTTPBody
    /// Whether the client has hung up, so that nobody waits for the answer any more.
    package let isGone: @Sendable () -> Bool
}

/// The body of a request, still on its way.
package protocol HTTPBody: AnyObject {
    /// Bytes in all.
    var length: Int { get }
    /// Reads what comes next, of the connection's thread.
    ///
    /// - Returns: nil at the end.
    /// - Throws: `HTTPProblem` where the client is too slow or gone.
    func next() throws(HTTPProblem) -> [UInt8]?
}

extension HTTPBody {
    /// All of it.
    ///
    /// - Throws: `HTTPProblem` for a longer one, before it is read.
    package func all(limit: Int) throws(HTTPProblem) -> [UInt8] {
        guard length <= limit else {
            throw HTTPProblem(.contentTooLarge, "the body has \(length) bytes, more than \(limit)")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length)
        while let piece = try next() { bytes += piece }
        return bytes
    }
}

package struct HTTPResponse: Sendable {
    package enum Body: Sendable {
        case bytes([UInt8])
        /// A file that is sent as it is.
        case file(path: String)
    }

    package var status: HTTPStatus
    package var headers: [HTTPHead.Field]
    package var body: Body

    package init(_ status: HTTPStatus, type: String, bytes: [UInt8]) {
        self.init(status, type: type, body: .bytes(bytes))
    }

    package init(_ status: HTTPStatus, type: String, body: Body) {
        self.status = status
        self.body = body
        headers = [HTTPHead.Field(name: "content-type", value: type)]
    }

    package static func json(_ value: JSONValue, status: HTTPStatus = .ok) -> HTTPResponse {
        HTTPResponse(status, type: "application/json; charset=utf-8", bytes: Array(value.json.utf8))
    }

    /// `{"error": "…"}`, one line for who asked.
    package init(_ problem: HTTPProblem) {
        self = .json(.object([.init("error", .string(problem.reason))]), status: problem.status)
    }

    package func with(_ name: String, _ value: String) -> HTTPResponse {
        var response = self
        response.headers.append(HTTPHead.Field(name: name, value: value))
        return response
    }
}
