import CCurl
import Files

/// One HTTP request over libcurl. The handle is kept from request to request, and with it the connection; it
/// belongs to one thread.
final class Transfer {
    /// Where a response goes.
    protocol Sink: AnyObject {
        /// The headers of a response are complete; its body follows. Throw to break off.
        func begin(_ head: ResponseHead) throws
        func receive(_ bytes: UnsafeRawBufferPointer) throws
        /// Called at least once a second. Throw to break off.
        func tick() throws
    }

    struct Failure: Error {
        let code: CURLcode
        let reason: String
        let status: Int
    }

    struct Timing: Sendable {
        var connectSeconds: Int
        /// Seconds below `stallBytesPerSecond` after which a transfer counts as dead.
        var stallSeconds: Int
        var stallBytesPerSecond: Int
    }

    /// What libcurl's callbacks are given. It outlives the request, since `run` holds it.
    private final class Context {
        let sink: any Sink
        var head = ResponseHead()
        var hasBegun = false
        var error: (any Error)?

        init(_ sink: any Sink) { self.sink = sink }

        /// Takes in a header line; an empty one ends the headers, those of an interim response (1xx) aside.
        func take(_ line: String) throws {
            head.add(line)
            if line.allSatisfy(\.isNewline), head.status >= 200, !hasBegun {
                hasBegun = true
                try sink.begin(head)
            }
        }

        /// Runs a callback's work; an error is kept for `run` to throw, since none may pass through C.
        func attempt(_ work: () throws -> Void) -> Bool {
            do {
                try work()
                return true
            } catch {
                self.error = error
                return false
            }
        }
    }

    /// libcurl wants to be initialized once, before anything else; since 7.84 that is thread-safe.
    private static let initialized = vv_curl_global_init() == CURLE_OK

    private let handle: UnsafeMutableRawPointer
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    /// - Throws: `Failure` where libcurl has no memory.
    init(timing: Timing) throws {
        guard Transfer.initialized, let handle = curl_easy_init() else {
            errorText.deallocate()
            throw Failure(code: CURLE_FAILED_INIT, reason: "libcurl cannot be initialised", status: 0)
        }
        self.handle = handle
        set(CURLOPT_ERRORBUFFER, pointer: errorText)
        set(CURLOPT_USERAGENT, "vitvideo")
        if let certificates = BundledFiles.certificates { set(CURLOPT_CAINFO, certificates) }
        // Without this libcurl times out name lookups with SIGALRM, which belongs to the whole process.
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_CONNECTTIMEOUT, timing.connectSeconds)
        set(CURLOPT_LOW_SPEED_TIME, timing.stallSeconds)
        set(CURLOPT_LOW_SPEED_LIMIT, timing.stallBytesPerSecond)
        // Redirects are followed one by one, each checked.
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_NOPROGRESS, 0)
        vv_curl_set_writer(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            let context = Transfer.context(context)
            let bytes = UnsafeRawBufferPointer(start: bytes, count: size * count)
            return context.attempt { try context.sink.receive(bytes) } ? bytes.count : 0
        }
        // The CONNECT response of a proxy is not the server's.
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        vv_curl_set_writer(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            let context = Transfer.context(context)
            let bytes = UnsafeRawBufferPointer(start: bytes, count: size * count)
            return context.attempt { try context.take(String(decoding: bytes, as: UTF8.self)) }
                ? bytes.count : 0
        }
        vv_curl_set_progress(handle) { context, _, _, _, _ in
            let context = Transfer.context(context)
            return context.attempt { try context.sink.tick() } ? 0 : 1
        }
    }

    /// Gets a file, or its rest.
    ///
    /// - Parameters:
    ///   - offset: the first byte wanted; 0 asks for the whole file without a range.
    ///   - validator: the version that the range is of: if the file has changed, the server sends it whole.
    ///   - token: proves to the server who asks (`Authorization: Bearer`).
    /// - Returns: the response's headers, and where a redirect leads.
    /// - Throws: `Failure`, and what the sink throws.
    func get(
        _ address: Address, from offset: Int64, validator: String, token: String? = nil,
        into sink: any Sink
    ) throws -> (head: ResponseHead, redirect: String?) {
        let context = Context(sink)
        set(CURLOPT_URL, address.text)
        set(CURLOPT_PROTOCOLS_STR, address.scheme)
        // A proxy set for the network has no business with this machine.
        set(CURLOPT_NOPROXY, address.isLoopback ? "*" : nil)
        set(CURLOPT_RANGE, offset > 0 ? "\(offset)-" : nil)
        var headers: UnsafeMutablePointer<curl_slist>?
        if offset > 0, !validator.isEmpty { headers = curl_slist_append(nil, "If-Range: \(validator)") }
        if let token { headers = curl_slist_append(headers, "Authorization: Bearer \(token)") }
        defer { curl_slist_free_all(headers) }
        set(CURLOPT_HTTPHEADER, pointer: headers)
        let unmanaged = Unmanaged.passUnretained(context).toOpaque()
        for option in [CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_XFERINFODATA] {
            set(option, pointer: unmanaged)
        }
        errorText.pointee = 0

        let code = withExtendedLifetime(context) { curl_easy_perform(handle) }
        set(CURLOPT_HTTPHEADER, pointer: nil)
        if let error = context.error { throw error }
        guard code == CURLE_OK else {
            let text = errorText.pointee == 0 ? curl_easy_strerror(code) : UnsafePointer(errorText)
            throw Failure(
                code: code, reason: text.map { String(cString: $0) } ?? "error \(code.rawValue)",
                status: context.head.status)
        }
        var redirect: UnsafeMutablePointer<CChar>?
        vv_curl_get_string(handle, CURLINFO_REDIRECT_URL, &redirect)
        return (context.head, redirect.map { String(cString: $0) })
    }

    private static func context(_ pointer: UnsafeMutableRawPointer?) -> Context {
        Unmanaged<Context>.fromOpaque(pointer!).takeUnretainedValue()
    }

    private func set(_ option: CURLoption, _ value: Int) { vv_curl_set_long(handle, option, value) }
    private func set(_ option: CURLoption, _ value: String?) { vv_curl_set_string(handle, option, value) }
    private func set(_ option: CURLoption, pointer: UnsafeMutableRawPointer?) {
        vv_curl_set_pointer(handle, option, pointer)
    }

    deinit {
        curl_easy_cleanup(handle)
        errorText.deallocate()
    }
}
