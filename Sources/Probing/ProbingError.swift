/// Why a probing method cannot be carried out as asked.
public struct ProbingError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// Options that exclude each other or lie outside their range.
        case usage
        /// More memory than there is.
        case memory
    }

    public let kind: Kind
    public let description: String

    static func usage(_ description: String) -> ProbingError {
        ProbingError(kind: .usage, description: description)
    }
}
