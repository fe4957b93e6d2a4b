/// Why a weights file or an array archive could not be read or written: one line with the operation, the path,
/// the reason and, where there is one, the next step.
package struct CheckpointError: Error, CustomStringConvertible, Equatable, Sendable {
    /// What went wrong, coarse enough to choose an exit code by.
    package enum Kind: Sendable, Equatable {
        /// The file is not there or may not be read (sysexits 66).
        case noInput
        /// The file is damaged, contradicts itself, or holds something else than was asked for (65).
        case invalidData
        /// The file is sound but of a kind that is not read here (65).
        case unsupported
        /// The file asks for code to be run (65).
        case refused
        /// The output exists already or cannot be created (73).
        case cannotCreate
        /// Reading or writing failed in the middle (74).
        case inputOutput
    }

    package let kind: Kind
    /// A verb phrase that follows "cannot": "read", "write".
    package let operation: String
    package let path: String
    package let reason: String
    /// What the user can do about it, where that is known.
    package let nextStep: String?

    package init(
        _ kind: Kind, cannot operation: String, path: String, reason: String, nextStep: String? = nil
    ) {
        self.kind = kind
        self.operation = operation
        self.path = path
        self.reason = reason
        self.nextStep = nextStep
    }

    package var description: String {
        "cannot \(operation) \(oneLine(path, limit: 4096)): \(reason)" + (nextStep.map { "; " + $0 } ?? "")
    }
}

/// What a parser throws. It sees bytes and knows no path; `locating` adds that on the way out.
struct FormatError: Error, Equatable {
    let kind: CheckpointError.Kind
    let reason: String
    let nextStep: String?

    init(_ reason: String, kind: CheckpointError.Kind = .invalidData, nextStep: String? = nil) {
        self.kind = kind
        self.reason = reason
        self.nextStep = nextStep
    }

    static func unsupported(_ reason: String, nextStep: String? = nil) -> FormatError {
        FormatError(reason, kind: .unsupported, nextStep: nextStep)
    }
}

/// Runs `body`, turning a parser's `FormatError` into a `CheckpointError` that names the file.
func locating<Result>(
    _ operation: String, _ path: String, _ body: () throws -> Result
) throws -> Result {
    do {
        return try body()
    } catch let error as FormatError {
        throw CheckpointError(
            error.kind, cannot: operation, path: path, reason: error.reason, nextStep: error.nextStep)
    }
}

/// Text out of a file, made fit for an error message: control characters escaped (so that the message stays one
/// line and no terminal sequence gets through), cut at `limit` characters.
func oneLine(_ text: String, limit: Int = 120) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(limit) {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned:
            result += scalar.escaped(asASCII: true)
        default: result.unicodeScalars.append(scalar)
        }
    }
    return text.unicodeScalars.count > limit ? result + "…" : result
}

/// `oneLine` in single quotation marks.
func quoted(_ text: String) -> String { "'\(oneLine(text))'" }
