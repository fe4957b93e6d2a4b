import Base
import CCurl
import Files
import Glibc

/// A file to be fetched over HTTPS.
///
/// The file appears under its name only when it is complete and has passed its checks. Until then it is
/// `<path>.part`, which a later run goes on with if the file on the server is still the same. Broken connections,
/// stalls and passing server errors are tried again by themselves. Several processes may fetch the same file at
/// once: one does the work, the others wait for it.
package struct Download: Sendable {
    /// How much has arrived, in bytes; `total` is nil while the server has not told.
    package struct Progress: Sendable, Equatable {
        package let received: Int64
        package let total: Int64?

        package init(received: Int64, total: Int64?) {
            self.received = received
            self.total = total
        }
    }

    /// Patience, and what is allowed.
    package struct Options: Sendable {
        /// Allow plain http to hosts other than this machine, and redirects to it.
        package var allowsPlainHTTP = false
        package var connectSeconds = 30
        /// Seconds without 100 bytes a second after which a connection counts as dead.
        package var stallSeconds = 30
        /// Attempts in a row that bring nothing new before giving up.
        package var attempts = 5
        /// Pause after the first failed attempt in seconds; it doubles each time, up to sixteenfold.
        package var retryDelaySeconds = 0.5

        package init() {}
    }

    package let url: String
    /// Where the file shall be. The directory must exist.
    package let path: String
    /// The file's size in bytes, where known.
    package var size: Int64?
    /// The file's SHA-256 in lower-case hexadecimal, or the first digits of it; empty for no check.
    package var sha256: String
    package var options: Options
    /// Proves to the server of `url` who asks; no other server gets it, whereto it may redirect.
    package var token: String?
    /// Whether size and hash are those that the server of `url` tells, as Hugging Face's hub does
    /// (`ResponseHead.contentHash`, `linkedSize`). A redirect to another server changes nothing about them.
    package var takesServersWord = false

    /// The answer of a server that does not give the file.
    package struct Refusal: Sendable {
        /// The HTTP status.
        package let status: Int
        /// `X-Error-Code`, by which Hugging Face's hub says why.
        package let code: String?
        package let error: VitvideoError

        /// Whether the server says that there is no such file.
        package var isAbsence: Bool { status == 404 || status == 410 }
    }

    package init(
        from url: String, to path: String, size: Int64? = nil, sha256: String = "",
        options: Options = Options()
    ) {
        self.url = url
        self.path = path
        self.size = size
        self.sha256 = sha256
        self.options = options
    }

    /// Fetches the file, on the calling thread. A file that is there already and passes the checks is left alone.
    ///
    /// - Parameters:
    ///   - progress: called as bytes arrive, also while another process fetches the file.
    ///   - isCancelled: asked several times a second; when true the download stops and keeps its part.
    /// - Throws: `VitvideoError`.
    package func run(
        progress: (Progress) -> Void = { _ in }, isCancelled: () -> Bool = { false }
    ) throws {
        if let refusal = try attempt(progress: progress, isCancelled: isCancelled) { throw refusal.error }
    }

    /// Fetches the file as `run`, where it may well be that the server does not give it.
    ///
    /// - Returns: how the server refuses; nil once the file is there.
    /// - Throws: `VitvideoError`.
    package func attempt(
        progress: (Progress) -> Void = { _ in }, isCancelled: () -> Bool = { false }
    ) throws -> Refusal? {
        // The closures outlive nothing: Fetch is gone before this returns.
        try withoutActuallyEscaping(isCancelled) { isCancelled in
            try withoutActuallyEscaping(progress) { progress in
                try Fetch(self, isCancelled: isCancelled, progress: progress).run()
            }
        }
    }

    /// Whether the file is at its place with the right size and hash.
    ///
    /// - Throws: `VitvideoError` where it cannot be read.
    package func isPresent() throws -> Bool {
        guard FileSystem.exists(path) else { return false }
        return try mismatch(of: path) == nil
    }

    /// What is wrong with a file's size or hash; nil where it is as expected.
    func mismatch(of file: String) throws -> String? {
        var info = stat()
        guard FileSystem.stat(file, &info) == 0 else {
            throw VitvideoError.download(.inputOutput, url: url, reason: "\(file): \(systemText(errno))")
        }
        if let size, Int64(info.st_size) != size { return "it has \(info.st_size) bytes, not \(size)" }
        guard !sha256.isEmpty else { return nil }
        let hash: String
        do {
            hash = try ContentHash.sha256(ofFile: file)
        } catch {
            throw VitvideoError.download(.inputOutput, url: url, reason: "\(error)")
        }
        return hash.hasPrefix(sha256.lowercased())
            ? nil : "its SHA-256 is \(hash), which does not begin with \(sha256)"
    }
}
