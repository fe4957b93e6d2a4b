/// Why something cannot be done: one line with what was being done, the path, the reason and, where there is one,
/// the next step.
///
/// Every module throws it; factories for what several places throw are extensions in the module that knows the
/// case. A parser that sees bytes and knows no path leaves `action` and `path` out, and whoever opened the file
/// adds them with `locating`.
package struct VitvideoError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The class of failure, named as in sysexits.h; the raw value is the exit status.
    package enum Kind: Int32, Sendable, Hashable {
        /// A request that cannot be met, whatever the files hold.
        case usage = 64
        /// A file that is damaged, contradicts itself, is refused, or holds something else than was asked for.
        case badData = 65
        /// An input that does not exist or cannot be opened.
        case noInput = 66
        /// A library, a codec, a server or memory that is not to be had.
        case unavailable = 69
        /// A library failed where it should not.
        case software = 70
        /// An output that exists already or cannot be created.
        case cannotCreate = 73
        /// Reading or writing failed in the middle.
        case inputOutput = 74
        /// Stopped on request.
        case interrupted = 130
    }

    package let kind: Kind
    /// What was being done, a verb phrase that follows "cannot": "read", "write".
    package let action: String?
    /// The file or address it was done to; "-" is standard input.
    package let path: String?
    package let reason: String
    /// What the user can do about it, where that is known.
    package let nextStep: NextStep?

    /// - Parameter action: nil for a line that begins with the path, or with the reason where there is no path.
    package init(
        _ kind: Kind, cannot action: String? = nil, path: String? = nil, reason: String,
        nextStep: NextStep? = nil
    ) {
        self.kind = kind
        self.action = action
        self.path = path
        self.reason = reason
        self.nextStep = nextStep
    }

    /// The line without next steps that need the words of the command line.
    package var description: String {
        line { step in
            if case .advice(let text) = step { text } else { nil }
        }
    }

    /// One line without line breaks: "cannot read dog.mp4: the file is empty; …".
    ///
    /// - Parameter words: how to say a next step; nil leaves it out.
    package func line(_ words: (NextStep) -> String?) -> String {
        let shownPath = path.map { $0 == "-" ? "standard input" : oneLine($0, limit: 4096) }
        var line =
            switch (action, shownPath) {
            case (let action?, let path?): "cannot \(action) \(path): \(reason)"
            case (let action?, nil): "cannot \(action): \(reason)"
            case (nil, let path?): "\(path): \(reason)"
            case (nil, nil): reason
            }
        if let words = nextStep.flatMap(words) { line += "; \(words)" }
        return String(line.map { $0.isNewline ? " " : $0 })
    }
}

/// Runs `body`, adding to an error that names no path what was being done to which file.
package func locating<Result>(
    _ action: String, _ path: String, _ body: () throws -> Result
) throws -> Result {
    do {
        return try body()
    } catch let error as VitvideoError where error.path == nil {
        throw VitvideoError(
            error.kind, cannot: action, path: path, reason: error.reason, nextStep: error.nextStep)
    }
}
