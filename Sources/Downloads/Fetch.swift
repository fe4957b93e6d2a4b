import Base
import CCurl
import FoundationEssentials
import Glibc

/// One run of a download: requests until the file is whole.
final class Fetch: Transfer.Sink {
    private struct Cancelled: Error {}
    /// The part on disk is of another version than the server's file.
    private struct StalePart: Error {}
    private struct Refused: Error {
        let error: VitvideoError
        /// Where it is the server that refuses.
        var answer: Download.Refusal?
    }

    private static let mostRedirects = 10

    /// With what the server tells of the file, where its word is taken.
    private var download: Download
    private let isCancelled: () -> Bool
    private let progress: (Download.Progress) -> Void
    private var part: PartialFile?
    private var total: Int64?
    /// Whether it is the server of the download's address that answers, and no other that it redirects to.
    private var isOwnServer = true
    /// Whether the body now arriving belongs into the file.
    private var takesBody = false

    init(
        _ download: Download, isCancelled: @escaping () -> Bool,
        progress: @escaping (Download.Progress) -> Void
    ) {
        self.download = download
        self.isCancelled = isCancelled
        self.progress = progress
    }

    /// - Returns: how the server refuses; nil once the file is there.
    func run() throws -> Download.Refusal? {
        // After a failure nothing is left of a part that never got a byte.
        defer { if let part, part.size == 0 { part.remove() } }
        do {
            if try download.isPresent() { return nil }
            let part = try PartialFile.open(for: download.path) { size in
                if isCancelled() { throw Cancelled() }
                progress(Download.Progress(received: size, total: download.size))
            }
            self.part = part
            // Another process may have finished it while this one waited.
            if try download.isPresent() {
                part.remove()
            } else {
                try complete(part)
            }
            self.part = nil
            return nil
        } catch is Cancelled {
            throw VitvideoError.download(
                .interrupted, url: download.url, reason: "interrupted", nextStep: resumeHint)
        } catch let failure as PartialFile.Failure {
            throw described(failure)
        } catch let refused as Refused {
            guard let answer = refused.answer else { throw refused.error }
            return answer
        }
    }

    private var resumeHint: String? {
        (part?.size ?? 0) > 0 ? "the next attempt goes on from where this one stopped" : nil
    }

    /// Fetches and checks. A part left by an earlier run that turns out wrong gets a second chance from the
    /// start; then nothing is kept.
    private func complete(_ part: PartialFile) throws {
        if part.size > 0, part.origin?.url != download.url { try part.restart() }
        var isResumed = part.size > 0
        while true {
            try fetch(part)
            guard let problem = try download.mismatch(of: part.path) else { break }
            if !isResumed {
                part.remove()
                throw VitvideoError.download(
                    .badData, url: download.url,
                    reason: "what arrived is not the file expected: \(problem)",
                    nextStep: "nothing was kept")
            }
            isResumed = false
            try part.restart()
        }
        try part.finish()
    }

    // MARK: Attempts

    private func fetch(_ part: PartialFile) throws {
        let options = download.options
        let transfer: Transfer
        do {
            transfer = try Transfer(
                timing: Transfer.Timing(
                    connectSeconds: options.connectSeconds, stallSeconds: options.stallSeconds,
                    stallBytesPerSecond: 100))
        } catch let failure as Transfer.Failure {
            throw Refused(error: described(failure, part))
        }
        // Only what goes beyond the most ever received counts as getting on, so that a server that always
        // starts from the beginning and always breaks off does not keep this going for ever.
        var most = part.size
        let start = part.size
        var failures = 0
        while true {
            if isCancelled() { throw Cancelled() }
            do {
                try request(transfer, part)
                return
            } catch is StalePart {
                try part.restart()
                failures += 1
                guard failures < options.attempts else {
                    throw Refused(
                        error: VitvideoError.download(
                            .unavailable, url: download.url,
                            reason: "the server does not send the part of the file asked for"))
                }
            } catch let failure as Transfer.Failure {
                failures = part.size > most ? 1 : failures + 1
                most = max(most, part.size)
                guard mayPass(failure, hasReceived: most > start), failures < options.attempts else {
                    throw Refused(error: described(failure, part))
                }
                try pause(options.retryDelaySeconds * Double(1 << min(failures - 1, 4)))
            }
        }
    }

    /// Whether a failure may be gone at the next attempt. Not to find the server at all is final, unless it
    /// answered before.
    private func mayPass(_ failure: Transfer.Failure, hasReceived: Bool) -> Bool {
        switch failure.code {
        case CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING, CURLE_HTTP2,
            CURLE_HTTP2_STREAM, CURLE_HTTP_RETURNED_ERROR:
            true
        case CURLE_OPERATION_TIMEDOUT:
            failure.status != 0 || hasReceived
        case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_SSL_CONNECT_ERROR:
            hasReceived
        default: false
        }
    }

    private func pause(_ seconds: Double) throws {
        let end = Date(timeIntervalSinceNow: seconds)
        while end.timeIntervalSinceNow > 0 {
            if isCancelled() { throw Cancelled() }
            usleep(UInt32(min(end.timeIntervalSinceNow, 0.05) * 1_000_000) + 1)
        }
    }

    /// Asks for what is missing, following redirects.
    private func request(_ transfer: Transfer, _ part: PartialFile) throws {
        let origin = part.origin
        // The server's word is asked for also where nothing is missing.
        if part.size > 0, part.size == origin?.total, !download.takesServersWord {
            total = part.size
            return
        }
        var location = download.url
        let own = Address(location)
        for _ in 0...Fetch.mostRedirects {
            guard let address = Address(location) else { throw refusal("'\(location)' is not a URL") }
            guard address.isAllowed(plainHTTP: download.options.allowsPlainHTTP) else {
                throw refusal(
                    (location == download.url ? "" : "it redirects to \(location): ")
                        + "\(address.scheme) is not allowed, only https")
            }
            takesBody = false
            isOwnServer = own?.isSameServer(as: address) == true
            let (head, redirect) = try transfer.get(
                address, from: part.size, validator: origin?.validator ?? "",
                token: isOwnServer ? download.token : nil, into: self)
            switch head.status {
            case 200, 206:
                return try checkLength(part)
            case 416:
                // The part is the whole file already, or no part of it.
                guard part.size > 0, head.rangeTotal == part.size else { throw StalePart() }
                total = part.size
                return
            case _ where head.isRedirect && redirect != nil:
                location = redirect ?? ""
            default:
                if head.isTransientFailure {
                    throw Transfer.Failure(
                        code: CURLE_HTTP_RETURNED_ERROR, reason: "HTTP status \(head.status)",
                        status: head.status)
                }
                let error = described(status: head.status, location: location)
                throw Refused(
                    error: error,
                    answer: Download.Refusal(status: head.status, code: head.errorCode, error: error))
            }
        }
        throw refusal("more than \(Fetch.mostRedirects) redirects")
    }

    private func checkLength(_ part: PartialFile) throws {
        if let total, part.size != total {
            throw Transfer.Failure(
                code: CURLE_PARTIAL_FILE, reason: "\(part.size) of \(total) bytes arrived", status: 200)
        }
    }

    // MARK: The response

    func begin(_ head: ResponseHead) throws {
        if download.takesServersWord, isOwnServer {
            download.sha256 = head.contentHash ?? download.sha256
            download.size = head.linkedSize ?? download.size
        }
        takesBody = head.status == 200 || head.status == 206
        guard takesBody, let part else { return }
        if head.status == 206 {
            let origin = part.origin
            guard head.rangeStart == part.size, origin?.total == nil || head.rangeTotal == origin?.total
            else {
                throw StalePart()
            }
        } else {
            // The whole file, whether or not a range was asked for.
            try part.restart()
        }
        total = head.total
        if let total, let size = download.size, total != size {
            part.remove()
            throw Refused(
                error: VitvideoError.download(
                    .badData, url: download.url,
                    reason: "the server's file has \(total) bytes, not \(size)"))
        }
        if let total, let free = part.freeBytes, free < total - part.size {
            throw Refused(
                error: VitvideoError.download(
                    .inputOutput, url: download.url,
                    reason:
                        "\(download.path): the disk has \(free) bytes free, \(total - part.size) are needed"))
        }
        if head.status == 200 {
            part.note(
                PartialFile.Origin(url: download.url, validator: head.validator ?? "", total: head.total))
        }
    }

    func receive(_ bytes: UnsafeRawBufferPointer) throws {
        guard takesBody, let part else { return }
        try part.write(bytes)
        progress(Download.Progress(received: part.size, total: total))
    }

    func tick() throws {
        if isCancelled() { throw Cancelled() }
    }

    // MARK: Errors

    private func refusal(_ reason: String) -> Refused {
        Refused(error: VitvideoError.download(.unavailable, url: download.url, reason: reason))
    }

    private func described(_ failure: PartialFile.Failure) -> VitvideoError {
        let isFull = failure.code == ENOSPC || failure.code == EDQUOT
        return VitvideoError.download(
            failure.operation == "create" && !isFull ? .cannotCreate : .inputOutput, url: download.url,
            reason: "cannot \(failure.operation) \(failure.path): \(systemText(failure.code)) "
                + "(error \(failure.code))",
            nextStep: isFull ? "free some space and try again" : nil)
    }

    private func described(status: Int, location: String) -> VitvideoError {
        let from = location == download.url ? "" : " from \(location)"
        return VitvideoError.download(
            .unavailable, url: download.url,
            reason: status == 404 || status == 410
                ? "the server has no such file (HTTP status \(status)\(from))"
                : "the server refuses (HTTP status \(status)\(from))")
    }

    private func described(_ failure: Transfer.Failure, _ part: PartialFile) -> VitvideoError {
        var reason = "\(failure.reason) (libcurl error \(failure.code.rawValue))"
        var nextStep = resumeHint
        switch failure.code {
        case CURLE_HTTP_RETURNED_ERROR: reason = "the server fails (\(failure.reason))"
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE:
            nextStep = "install ca-certificates, or check the clock"
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT:
            nextStep = nextStep ?? "check the network"
        default: break
        }
        if part.size > 0, let total { reason += " after \(part.size) of \(total) bytes" }
        return VitvideoError.download(.unavailable, url: download.url, reason: reason, nextStep: nextStep)
    }
}
